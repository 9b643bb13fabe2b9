"""Fills that need no training: interpolation, kriging, and the registry of methods."""
