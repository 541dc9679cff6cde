"""Power cuts: recorded disks, the power failures that are tried on them, the check of what is left."""
