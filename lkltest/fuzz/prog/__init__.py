"""Programs of system calls as values; no kernel is needed."""
