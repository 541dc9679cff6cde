"""System calls fuzzed on a real kernel."""
