"""Scripts: programs in one file, that run as jobs without a kernel."""
