"""Measurements of speed, accuracy and robustness: ``python -m benchmarks.NAME`` from the root."""
