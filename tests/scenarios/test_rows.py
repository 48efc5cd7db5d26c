"""The rows of the cases about accounts and terminals, over real sockets.

Each scene plays some rows, and gets a shop in which nothing happened yet.  All of
them share one gateway, so what one row does to it another can see, as in life.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.cases import rows
from tests.scenarios.accounts import ROWS as OF_ACCOUNTS
from tests.scenarios.devices import ROWS as OF_DEVICES
from tests.scenarios.second import ROWS as OF_SECOND_ACCOUNTS
from tests.scenarios.town import Town

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.scenarios.town import Scene, Shop

SCENES: Final = [*OF_ACCOUNTS, *OF_DEVICES, *OF_SECOND_ACCOUNTS]
ELSEWHERE: Final = {
    "0.46": "a day must pass",
    "0.47": "keys are old after months",
    "1.13": "a day must pass",
    "3.18": "another host is needed",
    "3.29": "a day must pass",
}
"""Rows that time makes: they are played on a clock that can be moved."""


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The gateway."""
    with Town(tmp_path_factory.mktemp("town")) as made:
        yield made


@pytest.fixture
def shop(town: Town) -> Iterator[Shop]:
    """A shop of this row's own."""
    made = town.shop()
    yield made
    made.hangs_up()


@pytest.mark.parametrize(
    "scene",
    [
        pytest.param(each, id="+".join(each.rows), marks=[pytest.mark.slow] * each.is_slow)
        for each in SCENES
    ],
)
def test_rows(scene: Scene, shop: Shop) -> None:
    scene.play(shop)


def test_every_row_that_is_built_is_played() -> None:
    built = {row.number for row in rows() if row.case in (1, 2, 4) and not row.out}
    played = {row for scene in SCENES for row in scene.rows}
    assert played | set(ELSEWHERE) == built
    assert not played & set(ELSEWHERE)


def test_at_the_end_the_books_agree_and_the_audit_log_is_whole(town: Town) -> None:
    _, report = town.stage.audit()
    assert report["violations"] == []
    assert report["charges"] > 0
