"""The Bragg peak: its centre, its Friedel mate, how it falls off, its fringes."""
