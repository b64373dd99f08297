"""How runs combine into comparisons."""
