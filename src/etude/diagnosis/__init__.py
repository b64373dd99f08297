"""How runs are judged: runs in, findings out. No torch, no disk."""
