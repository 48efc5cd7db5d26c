"""What is done about a whole shop: emergencies, inspections, licences, the day's digest."""

from __future__ import annotations

from typing import Any

import pytest

from routing.accounts.asked import Action, File, Verb
from routing.accounts.dossier import Change
from routing.entries import MerchantEntry, TerminalEntry, TerminalState
from tests.routing.accounts.street import Street
from tests.routing.accounts.test_deactivation import network
from tests.routing.accounts.test_second import applies, opened, street
from tests.routing.world import ISO, MERCHANT, POS, TERMINAL, answer, reversal, sale

OTHERS = ("T0000002", "T0000003")


def shop_of_three(name: str = POS) -> Street:
    shop = street(name)
    registry = shop.switch.life.registry
    terminals = [TerminalEntry(merchant=MERCHANT, id=each) for each in (TERMINAL, *OTHERS)]
    gone = TerminalEntry(merchant=MERCHANT, id="T0000009", state=TerminalState.RETIRED)
    registry.load([MerchantEntry(id=MERCHANT)], [*terminals, gone], "", shop.now)
    shop.settle()
    return shop


def suspends(shop: Street, who: str = "sec", **record: Any) -> Any:
    said = {"merchant": MERCHANT, "reason": "robbery", **record}
    return shop.says_so(Verb.FILE, who, what="suspend shop", **said)


@pytest.mark.parametrize("name", [POS, ISO])
def test_every_terminal_of_a_shop_is_suspended_in_one_action(name: str) -> None:
    shop = shop_of_three(name)
    request = shop.approved(1)
    told = suspends(shop)
    assert told.facts == {
        "suspended": 3,
        "terminals": f"{TERMINAL},{','.join(OTHERS)}",
        "off already": 0,
    }
    for stan, terminal in enumerate((TERMINAL, *OTHERS), 2):
        shop.says(1, sale(name, stan, de41=terminal))
        assert shop.codes(1)[-1] == "58"
    shop.says(1, reversal(request))
    shop.wait(0.5)
    shop.answers(answer(shop.reversals_sent[-1]))
    assert shop.codes(1)[-1] == "00"
    assert suspends(shop).facts["off already"] == 3
    steps = [each for each in shop.audited("account step") if each["what"] == "SUSPENDED"]
    assert len(steps) == 3
    assert {each.who for each in shop.journal.audit if each.said in steps} == {"sec"}
    shop.restart()
    shop.says(1, sale(name, 9))
    assert shop.codes(1)[-1] == "58"


def test_only_who_may_suspend_does_and_a_shop_that_nobody_knows_has_no_terminals() -> None:
    shop = shop_of_three()
    assert suspends(shop, "clara").codes == "P1"
    assert suspends(shop, reason="").wrong == ("reason",)
    assert suspends(shop, merchant="MERCHANT0000009").outcome == "unknown"
    shop.approved(1)
    assert shop.state(1) == "APPROVED"


def test_where_nobody_is_registered_the_terminals_that_were_heard_of_are_suspended() -> None:
    shop = street()
    shop.approved(1)
    shop.approved(2, de41=OTHERS[0])
    assert suspends(shop).facts["suspended"] == 2


def test_inspections_and_drills_are_on_file_with_what_shows_them() -> None:
    shop = shop_of_three()
    said = {"merchant": MERCHANT, "what": "inspection"}
    assert shop.says_so(Verb.FILE, "tech", **said).wrong == ("evidence", "terminal")
    said |= {"terminal": TERMINAL, "evidence": "sheet 4"}
    assert shop.says_so(Verb.FILE, "clara", **said).codes == "P1"
    assert shop.says_so(Verb.FILE, "tech", **said).facts == {"on file": f"inspection {TERMINAL}"}
    told = shop.enquires("clara", File.TERMINAL, TERMINAL)
    assert told.facts["inspected_at"] == shop.wall
    drill = {"merchant": MERCHANT, "what": "drill", "evidence": "protocol 7", "ok": False}
    assert shop.says_so(Verb.FILE, "clara", **drill).facts == {"on file": "drill"}
    said_of_it = [each for each in shop.audited("account file changed") if "noted" in each]
    assert [each["ok"] for each in said_of_it] == ["yes", "no"]
    shop.restart()
    assert shop.switch.office.files.of(MERCHANT).notes["drill"]["evidence"] == "protocol 7"


def test_a_licence_that_ends_is_told_before_and_stops_an_application_after() -> None:
    shop = street()
    day = 86_400.0
    change = Change(licences={"payment": shop.wall + 20 * day})
    shop.says_so(Verb.FILE, "clara", merchant=MERCHANT, change=change)
    shop.wait(2 * day, step_s=day)
    assert shop.switch.office.anomalies.alerts["licence ends"] >= 1
    shop.wait(20 * day, step_s=day)
    reply = applies(shop)
    assert (reply.codes, reply.obstacles[0].about) == ("P17", "ended: payment")


def test_a_terminal_whose_casing_was_opened_is_suspended_at_once() -> None:
    shop = shop_of_three()
    shop.says(1, network("0820", "362", de62="011021061"))
    shop.says(1, sale(POS, 1))
    assert shop.charges_sent
    shop.says(1, network("0820", "362", de62="011021060"))
    shop.says(1, sale(POS, 2))
    assert shop.codes(1)[-1] == "58"


def test_each_day_has_its_digest() -> None:
    shop = street()
    opened(shop)
    shop.requests("clara", File.MERCH2, Action.ADD, name="Shop", account="3")
    shop.wait(2 * 86_400.0, step_s=21_600.0)
    said = [each.said for each in shop.journal.entries if each.kind == "notice"]
    digests = [str(each["what"]) for each in said if each["told"] == "daily_digest"]
    assert len(digests) == 2
    assert "under way: 1" in digests[0]
    assert "accounts: 1" in digests[0]
    assert "P7 1" in digests[0]
