"""Filling a scan's gaps: what can be filled, the patches, the network, the stitching."""
