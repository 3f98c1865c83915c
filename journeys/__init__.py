"""The domain of Relance: pure functions and data. No I/O, no Temporal, and the time is an argument."""
