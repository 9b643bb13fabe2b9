"""The window: see a scan and its fills, mark gaps, fill them, keep that. It has no physics."""
