"""Gaps: detectors' tables, masks, finding a scan's gaps, and placing artificial ones."""
