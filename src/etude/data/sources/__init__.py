"""One file a source; the table is in ``data/load.py``."""
