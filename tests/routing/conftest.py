"""The fixtures of the routing tests: one world in each dialect."""

from __future__ import annotations

import pytest

from tests.routing.world import DIALECTS, World, service


@pytest.fixture(params=DIALECTS)
def world(request: pytest.FixtureRequest) -> World:
    """Merchants `served at approval`."""
    return World(request.param)


@pytest.fixture(params=DIALECTS)
def confirming(request: pytest.FixtureRequest) -> World:
    """Merchants whose service must be confirmed."""
    return World(request.param, service=service("confirmation"))
