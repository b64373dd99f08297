"""One optimiser step of any model, taken apart."""
