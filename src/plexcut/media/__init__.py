"""The engine: opens, indexes, shows, plans, cuts and verifies recordings. The only user of PyAV and NumPy."""
