"""Running things: worker processes, executors, threads, and how far a long loop is."""
