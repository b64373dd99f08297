"""How we compute: numbers in, numbers out."""
