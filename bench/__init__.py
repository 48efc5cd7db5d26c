"""Measuring: what a charge costs, and what the parts that carry it cost.

Imports public names of the other packages only; none of them imports this one.  With
`ISOGATE_PURE=1` what is compiled from a `.py` runs from its source (`bench.pure`).
"""

from bench import pure

if pure.is_wanted():
    pure.prefer_source()
