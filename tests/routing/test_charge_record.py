"""How charges are made, and who is told that they moved."""

from __future__ import annotations

from dataclasses import MISSING, fields

from routing.charge_record import Charge, blank
from routing.records import MOVED, OPENED
from routing.transaction import Transaction
from tests.routing.world import World


def test_a_watcher_sees_only_while_it_looks_and_keeps_its_place() -> None:
    world = World()
    watchers, seen = world.switch.life.watchers, []
    watching = watchers.add(lambda *_: seen.append("now and then"), looks=False)
    watchers.add(lambda *_: seen.append("always"))
    world.approved()
    assert seen == ["always"]
    watchers.look(watching, True)
    world.acknowledge()
    watchers.look(watching, False)
    assert seen == ["always", "now and then", "always"]


def test_a_blank_charge_is_as_one_that_is_made_by_its_names() -> None:
    given = {name: f"{name}" for name in OPENED} | {"sent": {}, "kind": Transaction.SALE}
    given |= {
        "opened_at": 1.0,
        "window_s": 1.0,
        "amount": 1,
        "original_id": 0,
        "operator": "",
        "account": "",
    }
    made = Charge(**given | {"sent_header": "", "sent_on": "", "channel": ""})
    fresh = blank()
    of_memory = [each.name for each in fields(Charge) if each.default is not MISSING]
    assert len(of_memory) > len(MOVED)
    for name in of_memory:
        assert getattr(fresh, name) == getattr(made, name), name
    assert fresh.undoes is made.undoes is False
