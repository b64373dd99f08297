"""The cohort engine: whole replicates as tasks of a thread pool, in C++, exactly as PyTorch would train them."""
