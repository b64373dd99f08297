"""Readers of other tools' logs, one file a format; `records/read.py` has the table of them."""
