"""Which lines of a kernel were reached: collected data, their lines, and reports on them."""
