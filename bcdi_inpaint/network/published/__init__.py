"""The networks of the field's papers, in 2D and 3D, as `network.kind` of a plan names them."""
