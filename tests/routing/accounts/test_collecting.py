"""Which account a charge goes to, and that all that follows on it goes there, too."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pytest

from codec import build, dialect
from routing.accounts.asked import Action, File, Reply, Verb
from routing.accounts.bins import Bin, BinTable, CardKind
from routing.accounts.plan import AccountRule, Collects, Plan, channel_of
from routing.accounts.plan import Asked as OfACharge
from routing.charge import State
from routing.entries import EntryLimits
from routing.host_settings import HostSettings
from routing.reason import Reason
from tests.routing.accounts.street import Street
from tests.routing.accounts.test_second import (
    OTHER_NUMBER,
    WHOLE,
    applies,
    of_the_account,
    opened,
    street,
)
from tests.routing.world import (
    BATCH,
    HEADER,
    ISO,
    LINK,
    MERCHANT,
    OTHER_PAN,
    PAN,
    POS,
    TERMINAL,
    answer,
    refund,
    repeated,
    reversal,
    sale,
    void,
)

CODE: Final = AccountRule(account="2", channel=("code",))
DEAR: Final = AccountRule(account="2", amount_min=5_000)
THE_WORLD: Final = pytest.mark.parametrize("name", [POS, ISO])


def planned(shop: Street, *rules: AccountRule, **more: Any) -> Reply:
    """Other rules, asked for by one person and given by another."""
    plan = Plan(rules=rules, **more)
    asked = shop.requests("clara", File.MERCH2, Action.CHANGE, plan=plan)
    return shop.says_so(Verb.APPROVE, "rita", asked.request)


def shop_with_two(name: str = POS, *rules: AccountRule, **more: Any) -> Street:
    shop = street(name)
    opened(shop)
    if rules or more:
        assert planned(shop, *rules, **more).state == "IN_FORCE"
    shop.told.clear()
    shop.got.clear()
    return shop


def test_rules_are_tried_in_their_order_and_the_main_account_takes_the_rest() -> None:
    plan = Plan(
        rules=(
            AccountRule(account="main", terminal=("T1",)),
            AccountRule(account="2", channel=("code", "online")),
            AccountRule(account="3", card=("credit",), amount_min=100, amount_max=200),
            AccountRule(account="4", mcc=("5411",)),
        )
    )

    def chosen(**changes: Any) -> str:
        known = {"terminal": "T9", "amount": 150, "channel": "chip", "card": "", "mcc": ""}
        return plan.chosen(OfACharge(**known | changes))

    assert chosen() == ""
    assert chosen(terminal="T1", channel="code") == ""
    assert chosen(channel="online") == "2"
    assert (chosen(card="credit"), chosen(card="credit", amount=201)) == ("3", "")
    assert chosen(mcc="5411", card="debit") == "4"


def test_what_can_not_be_a_plan_is_named() -> None:
    bad = Plan(
        rules=(
            AccountRule(account="1"),
            AccountRule(account="2", channel=("smoke",)),
            AccountRule(account="2", amount_min=5, amount_max=4),
            AccountRule(account="2", amount_min=-1),
        ),
        limits={"1": EntryLimits(amount_max=1)},
    )
    assert [each.partition(":")[0] for each in bad.problems()] == [
        "limits.1",
        "rules.0.account",
        "rules.1.channel",
        "rules.2.amount_max",
        "rules.3.amount",
    ]


@pytest.mark.parametrize(
    ("entry_mode", "channel"),
    [
        ("021", "stripe"),
        ("051", "chip"),
        ("072", "contactless"),
        ("0310", "code"),
        ("810", "online"),
        ("012", "manual"),
        ("", "other"),
        ("51010151114C", "chip"),
        ("51010121114C", "stripe"),
        ("510101M1114C", "contactless"),
    ],
)
def test_how_a_charge_was_collected_is_told_by_de_22(entry_mode: str, channel: str) -> None:
    entry_mode = "510101" + entry_mode[6:] if len(entry_mode) == 12 else entry_mode
    assert channel_of(entry_mode) == channel


def test_the_kind_of_a_card_chooses_too() -> None:
    shop = shop_with_two(POS, AccountRule(account="2", card=("credit",)))
    bins = (
        Bin(prefix="4", lengths=(16,), bank="B", kind=CardKind.DEBIT),
        Bin(prefix=PAN[:6], lengths=(16,), bank="A", kind=CardKind.CREDIT),
    )
    shop.switch.office.collecting._bins = BinTable(bins)
    shop.approved(1)
    shop.approved(2, de2=OTHER_PAN)
    assert [of_the_account(shop, stan) for stan in (1, 2)] == ["2", ""]


@THE_WORLD
def test_rules_send_a_charge_to_an_account_and_the_rest_to_the_main_one(name: str) -> None:
    shop = shop_with_two(name, CODE, DEAR)
    shop.approved(1)
    shop.approved(2, de22="031")
    shop.approved(3, de4="000000005000")
    assert [of_the_account(shop, stan) for stan in (1, 2, 3)] == ["", "2", "2"]
    assert [shop.charge(stan).channel for stan in (1, 2, 3)] == ["stripe", "code", "stripe"]
    assert [each[42] for each in shop.charges_sent] == [MERCHANT, OTHER_NUMBER, OTHER_NUMBER]
    assert {each.message[42] for each in shop.told} == {MERCHANT}
    assert shop.codes(1) == ["00", "00", "00"]


@THE_WORLD
def test_the_reversal_of_a_charge_goes_to_its_account_whatever_the_rules_say_by_then(
    name: str,
) -> None:
    shop = shop_with_two(name, CODE)
    request = shop.approved(1, de22="031")
    assert planned(shop).state == "IN_FORCE"
    shop.says(1, reversal(request))
    shop.wait(0.5)
    (sent,) = shop.reversals_sent
    assert sent[42] == OTHER_NUMBER
    shop.answers(answer(sent))
    assert (shop.state(1), of_the_account(shop, 1)) == (State.REVERSED, "2")
    shop.approved(2, de22="031")
    assert of_the_account(shop, 2) == ""


@THE_WORLD
def test_voids_and_refunds_go_to_the_account_of_their_sale(name: str) -> None:
    shop = shop_with_two(name, CODE)
    sold = [shop.approved(stan, de22="031") for stan in (1, 2)]
    for stan in (1, 2):
        shop.acknowledge(stan)
    assert planned(shop).state == "IN_FORCE"
    shop.says(1, void(sold[0]))
    shop.answers(answer(shop.charges_sent[-1]))
    shop.says(1, refund(sold[1], 400))
    shop.answers(answer(shop.charges_sent[-1]))
    assert [each[42] for each in shop.charges_sent[-2:]] == [OTHER_NUMBER, OTHER_NUMBER]
    assert [of_the_account(shop, stan) for stan in (50, 60)] == ["2", "2"]
    assert (shop.state(1), shop.charge(2).given_back) == (State.VOIDED, 400)
    assert shop.codes(1)[-2:] == ["00", "00"]


def test_a_refund_that_a_person_has_made_goes_to_the_account_of_the_case() -> None:
    shop = shop_with_two(POS, CODE)
    shop.approved(1, de22="031")
    shop.acknowledge(1)
    shop.wait(2.0)
    charge = shop.charge(1)
    shop.switch.docket.question(charge, Reason.DISPUTED, shop.now)
    assert shop.switch.refund_case(charge.id, shop.now)
    shop.settle()
    (sent,) = [each for each in shop.charges_sent if each.mti == "0220"]
    assert sent[42] == OTHER_NUMBER
    newest = next(shop.switch.life.book.newest())
    assert (newest.account, newest.channel, newest.original_id) == ("2", "code", charge.id)


@THE_WORLD
def test_the_account_of_a_charge_outlives_the_process(name: str) -> None:
    shop = shop_with_two(name, CODE)
    request = sale(name, 1, de22="031")
    shop.says(1, request)
    shop.restart()
    shop.wait(1.0)
    (sent,) = shop.reversals_sent
    assert (sent[42], of_the_account(shop, 1)) == (OTHER_NUMBER, "2")
    shop.answers(answer(sent))
    assert shop.state(1) is State.REVERSED
    shop.approved(2, de22="031")
    assert of_the_account(shop, 2) == "2"


def test_a_repeat_gets_the_stored_answer_though_the_rules_changed() -> None:
    shop = shop_with_two(POS, CODE)
    request = shop.approved(1, de22="031")
    assert planned(shop).state == "IN_FORCE"
    shop.says(1, repeated(request))
    assert shop.told[-1].message.raw == shop.told[0].message.raw
    assert len(shop.charges_sent) == 1


def test_a_closed_account_gets_nothing_new_and_what_was_charged_on_it_goes_on() -> None:
    shop = shop_with_two(POS, CODE)
    request = shop.approved(1, de22="031")
    asked = shop.requests("clara", File.MERCH2, Action.DELETE, account="2")
    assert shop.says_so(Verb.APPROVE, "clara", asked.request).codes == "P1"
    assert shop.says_so(Verb.APPROVE, "rita", asked.request).state == "IN_FORCE"
    shop.says(1, sale(POS, 2, de22="031"))
    told = shop.told[-1].message
    assert (told[39], told[44]) == ("03", "P20")
    shop.says(1, reversal(request))
    shop.wait(0.5)
    assert shop.reversals_sent[-1][42] == OTHER_NUMBER
    again = shop.requests("clara", File.MERCH2, Action.CHANGE, plan=Plan(rules=(CODE,)))
    assert again.wrong == ("account",)


def test_where_the_merchant_allows_it_the_main_account_takes_it_and_that_is_audited() -> None:
    shop = shop_with_two(POS, CODE, fallback=True)
    asked = shop.requests("clara", File.MERCH2, Action.DELETE, account="2")
    shop.says_so(Verb.APPROVE, "rita", asked.request)
    shop.approved(1, de22="031")
    shop.approved(2, de63="01 2")
    assert [of_the_account(shop, stan) for stan in (1, 2)] == ["", ""]
    said = shop.audited("main account instead")
    assert [each["instead of"] for each in said] == ["2", "2"]
    assert [each["charge"] for each in said] == [shop.charge(1).id, shop.charge(2).id]


def test_an_account_has_limits_of_its_own() -> None:
    limits = {"2": EntryLimits(amount_max=2_000, day_amount_max=3_000)}
    shop = shop_with_two(POS, CODE, limits=limits)
    shop.says(1, sale(POS, 1, de22="031", de4="000000002001"))
    assert shop.codes(1)[-1] == "61"
    shop.approved(2, de22="031", de4="000000002000")
    shop.says(1, sale(POS, 3, de22="031", de4="000000001001"))
    assert shop.codes(1)[-1] == "61"
    shop.restart()
    shop.says(1, sale(POS, 4, de22="031", de4="000000001001"))
    assert shop.codes(1)[-1] == "61"
    shop.approved(5, de4="000000009000")
    shop.says(1, reversal(sale(POS, 2, de22="031", de4="000000002000")))
    shop.wait(0.5)
    shop.answers(answer(shop.reversals_sent[-1]))
    shop.approved(6, de22="031", de4="000000001001")
    assert of_the_account(shop, 6) == "2"


def test_what_is_settled_is_split_by_account_and_adds_up() -> None:
    shop = shop_with_two(POS, CODE)
    sold = [shop.approved(stan, de22="031" if stan % 2 else "021") for stan in (1, 2, 3)]
    for stan in (1, 2, 3):
        shop.acknowledge(stan)
    shop.says(1, refund(sold[0], 400))
    shop.answers(answer(shop.charges_sent[-1]))
    shop.acknowledge(60)
    block = f"{3000:012d}{3:03d}{400:012d}{1:03d}0"
    settled_with(shop, block)
    assert shop.codes(1)[-1] == "00"
    assert shop.audited("batch by account") == [{"total": 2_600, "2": 1_600, "main": 1_000}]


def settled_with(shop: Street, block: str) -> None:
    fields = {11: "000900", 41: TERMINAL, 42: MERCHANT, 48: block + "0" * 31}
    fields |= {60: "00" + BATCH + "201", 63: "01 "}
    shop.says(1, build(dialect(POS), "0500", fields, HEADER))


def test_what_is_collected_is_counted_by_channel_and_account() -> None:
    shop = shop_with_two(POS, CODE)
    shop.approved(1, de22="031")
    shop.approved(2)
    shop.approved(3)
    volume = shop.switch.office.collecting.volume
    assert volume == {("code", "other"): 1_000, ("stripe", "main"): 2_000, ("stripe", "other"): 1}


def test_an_account_may_go_to_another_host() -> None:
    shop = shop_with_two(POS, CODE)
    shop.switch.take_host(HostSettings(name="other", dialect=POS, echo_idle_s=0.0))
    shop.switch.link_up("other", 7001, shop.now)
    collecting = shop.switch.office.collecting
    account = msgspec.structs.replace(collecting.of(MERCHANT).accounts["2"], host="other")
    collecting.put(MERCHANT, account, "rita", shop.now)
    shop.says(1, sale(POS, 1, de22="031"))
    shop.says(1, sale(POS, 2))
    assert [shop.charge(stan).host for stan in (1, 2)] == ["other", "bank"]
    assert [got.link for got in shop.got] == [7001, LINK]
    assert applies(street(), **{**WHOLE, "host": "nowhere"}).wrong == ("host",)


@THE_WORLD
def test_a_merchant_with_a_short_number_is_found_though_blanks_follow_it(name: str) -> None:
    shop = street(name)
    shop.switch.office.collecting.put("SHOP", Collects(id="2", number="SHOP-2"), "rita", shop.now)
    request = shop.approved(1, de42="SHOP".ljust(15), de63="01 2" if name == POS else "2")
    assert shop.charges_sent[-1][42] == "SHOP-2".ljust(15)
    assert shop.told[-1].message[42].rstrip() == "SHOP"
    shop.says(1, reversal(request))
    shop.wait(0.5)
    assert shop.reversals_sent[-1][42] == "SHOP-2".ljust(15)
    shop.answers(answer(shop.reversals_sent[-1]))
    assert shop.state(1) is State.REVERSED
