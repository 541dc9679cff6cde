"""Services of the host: child processes, caches, progress, programs, network namespaces."""
