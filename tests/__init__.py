"""The tests; with `ISOGATE_PURE=1` they run routing from its source, which `bench` sees to."""

import bench as bench  # before anything of routing
