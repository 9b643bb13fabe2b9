"""What a fill does to the crystal: treatments of a gap, phased and compared."""
