"""The demonstration: everything at once, with faults, and three books held against each other."""
