"""Coverage: the lines of a kernel that were reached, from collected data to reports."""
