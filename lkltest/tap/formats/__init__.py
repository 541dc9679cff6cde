"""Formats that TAP results are written in."""
