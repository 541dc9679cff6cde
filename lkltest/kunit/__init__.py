"""KUnit: the tests inside a kernel, in a User Mode Linux built from a vanilla tree."""
