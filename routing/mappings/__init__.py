"""Mapping files, one per pair of dialects; data, read by `gateway.config`."""
