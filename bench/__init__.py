"""Measuring: what a charge costs, and what the parts that carry it cost.

Imports public names of the other packages only; nothing imports this one.
"""
