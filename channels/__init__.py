"""The providers, one file each, behind one contract."""
