"""What runs learn from: arrays with provenance and, where known, the best score possible."""
