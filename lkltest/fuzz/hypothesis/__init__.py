"""Hypothesis tests of a kernel: strategies, profiles, and an oracle."""
