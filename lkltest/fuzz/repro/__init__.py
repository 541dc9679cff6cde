"""Crashes: their reports, the smallest programs that repeat them, and C source."""
