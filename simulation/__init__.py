"""Simulated crystals and their Bragg peaks, to train and to judge gap filling."""
