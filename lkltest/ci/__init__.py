"""Results in the shapes that kernel CI systems take."""
