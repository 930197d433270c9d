"""Ways of making new rows from old ones, one file each."""
