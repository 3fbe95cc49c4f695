"""The orchestrator: one module a use case, and the class `Plexdata` in front of them."""
