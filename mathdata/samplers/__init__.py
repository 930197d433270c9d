"""Ways of choosing rows, one file each."""
