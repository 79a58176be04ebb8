"""Target folders of outputs, on the disk of this machine."""
