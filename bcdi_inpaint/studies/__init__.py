"""Every published method on one bench: networks trained alike, and all methods judged alike."""
