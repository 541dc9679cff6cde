"""Kernels in worker processes, and the executor in C that runs programs on them."""
