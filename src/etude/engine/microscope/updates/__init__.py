"""What each optimiser's step is made of: one file a family."""
