"""The whole gateway in one process on virtual time, in a seeded world that tries to break it."""
