"""What the files of others may choose only once the user has confirmed it: addresses, variables, code."""
