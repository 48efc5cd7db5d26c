"""Keys that must not be seen: the port to whoever keeps them, and a software custody."""
