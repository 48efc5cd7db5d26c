"""What every message passes is compiled as it is; from its source it does the same."""

from __future__ import annotations

import os
import subprocess
import sys

from bench import pure
from routing import lifecycle, switch

_WHERE = "import tests, routing.switch as s, routing.lifecycle as l; print(s.__file__, l.__file__)"


def test_what_the_gateway_runs_is_compiled() -> None:
    if not pure.is_wanted():
        assert str(switch.__file__).endswith(".so")
        assert str(lifecycle.__file__).endswith(".so")


def test_routing_runs_from_its_source_where_that_is_wanted() -> None:
    environment = os.environ | {pure.VARIABLE: "1"}
    done = subprocess.run(
        [sys.executable, "-c", _WHERE], env=environment, capture_output=True, text=True, check=True
    )
    assert all(each.endswith(".py") for each in done.stdout.split())
