"""The tests; with `ISOGATE_PURE=1` they run routing from its source (`tests.pure`)."""

from tests import pure

if pure.is_wanted():
    pure.prefer_source()
