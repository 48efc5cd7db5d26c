"""Who stood at the terminal is kept with the charge."""

from __future__ import annotations

import pytest

from tests.routing.world import ISO, POS, World, sale


@pytest.mark.parametrize(("said", "kept"), [("012", "012"), ("A1", ""), ("0 1", ""), (None, "")])
def test_the_operators_code_of_a_pos_terminal_is_kept(said: str | None, kept: str) -> None:
    world = World(POS)
    world.says(1, sale(POS, de63=said))
    assert world.journal.charge(1).operator == kept


def test_a_dialect_without_operators_has_none() -> None:
    world = World(ISO)
    world.says(1, sale())
    assert world.charge().operator == ""


def test_a_charge_keeps_the_class_that_it_was_opened_in() -> None:
    from routing.service import Merchant, Proof  # noqa: PLC0415
    from tests.routing.world import MERCHANT, service  # noqa: PLC0415

    world = World(service=service("confirmation"))
    world.approved()
    world.settings = World(merchants=(Merchant(id=MERCHANT, proof=Proof.APPROVAL),)).settings
    world.restart()
    assert world.charge().proof == "confirmation"
    world.approved(2)
    assert world.charge(2).proof == "approval"
