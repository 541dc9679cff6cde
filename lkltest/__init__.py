"""The test bench for Linux as a library."""
