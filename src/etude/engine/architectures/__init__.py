"""One file an architecture; the table is in ``engine/build.py``."""
