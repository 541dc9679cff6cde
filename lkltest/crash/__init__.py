"""Crash reports of test programs, from the lines on standard error to source lines."""
