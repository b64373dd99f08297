"""Readers of published file formats: bytes or text in, checked arrays out. No network; damage is always an error."""
