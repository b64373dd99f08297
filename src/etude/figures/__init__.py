"""How runs are shown: for each figure a data function and a drawing function."""
