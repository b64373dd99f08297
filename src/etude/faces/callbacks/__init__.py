"""Callbacks of training frameworks, one file each: ``from etude.faces.callbacks.keras import EtudeCallback``."""
