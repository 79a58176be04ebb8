"""Kernels of notebooks that are authored in an image of the catalogue: their specs, and their containers."""
