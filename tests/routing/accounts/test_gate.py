"""The bars in force: a test charge passes its own, and no other."""

from __future__ import annotations

from routing.accounts.gate import Gate


def test_a_test_charge_passes_no_other_bar() -> None:
    gate = Gate()
    gate.lets_test = lambda subject, amount: (subject, amount) == ("M|T", 100)
    gate.set("M|T", "A1", "58", signs_in=True)
    assert gate.lets("M ", "T  ", 100)
    assert not gate.lets("M", "T", 101)
    gate.set("M|T", "A2", "58")
    assert not gate.lets("M", "T", 100)
    gate.set("M|T", "A2", "")
    assert gate.lets("M", "T", 100)
    gate.set("M|", "A3", "03")
    assert not gate.lets("M", "T", 100)
