"""Merchants with several accounts in the middle of the traffic: each charge stays on its own."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from gateway.journal import sqlite
from tests.simulation.world import run

if TYPE_CHECKING:
    from routing.charge import Charge


@pytest.mark.parametrize("seed", [9, 41])
def test_charges_go_to_several_accounts_and_stay_there(seed: int) -> None:
    outcome = run(seed, tells=True)
    assert outcome.violations == []
    assert all(str(each) for each in outcome.story)
    told = [each.words for each in outcome.story if each.words[0] == "account of"]
    accounts = Counter(words[2] for words in told)
    assert accounts["main"]
    assert accounts["2"] + accounts["3"]


def test_a_journal_that_forgets_the_account_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = sqlite.charge_from_row

    def forgets(row: Any, vault: Any) -> Charge:
        charge = whole(row, vault)
        charge.account = ""
        return charge

    monkeypatch.setattr(sqlite, "charge_from_row", forgets)
    assert any("another account" in each.what for each in run(9).violations)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(73, 600, 32))
def test_more_of_it(seed: int) -> None:
    assert run(seed).violations == []
