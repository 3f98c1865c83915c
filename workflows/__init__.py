"""Time and order. Deterministic; no policy and no I/O."""
