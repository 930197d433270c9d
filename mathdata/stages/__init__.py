"""The stages of the data loop, one file each; a stage is a function over a table."""
