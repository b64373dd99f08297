"""How runs are made: the only folder that imports torch."""
