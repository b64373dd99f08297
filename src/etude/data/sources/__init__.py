"""The synthetic tasks, one file each; `data/load.py` holds their table."""
