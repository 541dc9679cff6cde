"""kselftest: the test programs of a kernel tree, each in a User Mode Linux of its own."""
