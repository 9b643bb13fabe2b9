"""What a scan's numbers say before it is filled: units, marks, backgrounds, masks that lie."""
