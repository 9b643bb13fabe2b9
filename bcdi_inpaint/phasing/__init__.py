"""Phase retrieval: how a fill is handed over, PyNX's engine and ours, refinement."""
