"""A scan in memory: its counts, what of them is valid, boxes of it, and crops."""
