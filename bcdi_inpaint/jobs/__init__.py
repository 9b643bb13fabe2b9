"""Whole jobs on files, each from a request: predict, phase, many scans, what they take."""
