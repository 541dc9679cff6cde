"""The calls of one kernel: signatures, types of arguments, annotations."""
