"""How good fills are: scores of voxels, and what fills do to crystals."""
