"""MAC keys shared with a host: exchanged on time and on a wrong MAC, once; then it is blocked."""

from __future__ import annotations

from typing import Any

import pytest

from codec import Message, build, dialect
from routing.charge import State
from routing.effects import ReceivedKey, TakenKey
from routing.host_settings import KeyChange
from routing.key_exchange import TABLE, KeyEvent, KeyState
from routing.key_ring import KeyPlace, RingKey
from tests.routing.test_links import links_of
from tests.routing.world import ANSWER_TIMEOUT_S, BANK, ISO, LINK, POS, World, answer, sale

KEY, CHECK = "0123456789ABCDEF" * 2, "D5D44FF7"
EVERY_S, RETRY_S = 3_600.0, 20.0
FIELDS = {ISO: 48, POS: 62}


class KeyWorld(World):
    """Its custody takes over every key whose check value is CHECK."""

    def start(self) -> None:
        self.received: list[ReceivedKey] = []
        super().start()

    def _leave(self, send: Any) -> None:
        if isinstance(send, ReceivedKey):
            self.received.append(send)
            good = send.check.hex().upper() == CHECK
            taken = TakenKey(f"wrapped {len(self.received)}", CHECK) if good else None
            self.used = send.done(taken, "" if good else "wrong check value", self.now)
        else:
            super()._leave(send)

    @property
    def exchange(self) -> Any:
        return links_of(self).exchange

    @property
    def asked(self) -> list[Message]:
        """What the gateway asked for a key with."""
        return [m for m in self.at_host("0800") if (m.get(70) or m.get("60.3")) == "101"]

    def key_comes(self, value: str = KEY + CHECK) -> Message:
        """The host sends a key by itself; what it is answered."""
        fields = {11: "000077", FIELDS[self.name]: value}
        if self.name == ISO:
            fields |= {7: "1123171500", 70: "101"}
        else:
            fields |= {41: "T0000001", 42: "MERCHANT0000001", 60: "00000007101"}
        self.answers(build(dialect(self.name), "0800", fields, HEADERS[self.name]))
        return self.at_host("081")[-1]

    def key_is_given(self, value: str = KEY + CHECK, code: str = "00") -> None:
        """The host answers with a key what it was asked."""
        asked = self.asked[-1]
        fields = {de: asked[de] for de in asked.fields()} | {39: code}
        if value:
            fields[FIELDS[self.name]] = value
        self.answers(build(asked.dialect, "0810", fields, asked.header))


HEADERS = {ISO: b"", POS: bytes.fromhex("6000030000602200000000")}


def world_of(name: str, *, has_key: bool = True, **agreed: Any) -> KeyWorld:
    rules = {"field": FIELDS[name], "every_s": EVERY_S, "retry_s": RETRY_S} | agreed
    world = KeyWorld(name, host_settings={"key_change": KeyChange(**rules)})
    ring, now = world.switch.keys, world.now
    ring.hang(KeyPlace("zmk", BANK), RingKey("zone", "00000000", now.wall, "loaded"), now)
    if has_key:
        ring.hang(KeyPlace("zak", BANK), RingKey("wrapped", CHECK, now.wall, "exchanged"), now)
    world.switch.begin_exchanges(now)
    world.settle()
    return world


@pytest.fixture(params=[ISO, POS])
def keyed(request: pytest.FixtureRequest) -> KeyWorld:
    return world_of(request.param)


def wrong_mac(world: World, stan: int) -> None:
    world.says(1, sale(world.name, stan))
    world.answers(answer(world.charges_sent[-1]), mac_good=False)


def test_every_state_knows_every_event() -> None:
    assert set(TABLE) == {(state, event) for state in KeyState for event in KeyEvent}


def test_a_new_key_is_asked_for_when_the_old_one_is_old(keyed: KeyWorld) -> None:
    keyed.wait(EVERY_S - 10, step_s=5)
    assert keyed.asked == []
    keyed.wait(12)
    assert len(keyed.asked) == 1
    keyed.key_is_given()
    assert keyed.used
    assert keyed.exchange.key == "wrapped 1"
    assert keyed.exchange.results == {"changed": 1}
    keyed.wait(EVERY_S - 10, step_s=5)
    assert len(keyed.asked) == 1


def test_a_host_may_answer_first_and_send_the_key_by_itself(keyed: KeyWorld) -> None:
    keyed.wait(EVERY_S + 1, step_s=5)
    keyed.key_is_given("")
    assert keyed.received == []
    assert keyed.key_comes()[39] == "00"
    assert keyed.exchange.state is KeyState.STEADY
    keyed.wait(ANSWER_TIMEOUT_S * 2)
    assert keyed.exchange.results == {"changed": 1}


def test_a_key_that_the_host_sends_is_answered_once_it_is_good(keyed: KeyWorld) -> None:
    told = keyed.key_comes()
    assert (told[39], told[11]) == ("00", "000077")
    assert not told.has(FIELDS[keyed.name])
    assert keyed.exchange.key == "wrapped 1"
    received = keyed.received[0]
    assert (received.host, received.zone) == (BANK, "zone")
    assert (received.data.hex().upper(), received.check.hex().upper()) == (KEY, CHECK)
    assert KEY not in repr(received)


@pytest.mark.parametrize(
    ("value", "code", "why"),
    [
        (KEY, "30", "wrong length"),
        (KEY + CHECK + "00", "30", "wrong length"),
        ("Z" + (KEY + CHECK)[1:], "30", "wrong length"),
        (KEY + "00000000", "99", "wrong check value"),
    ],
)
def test_a_key_that_can_not_be_is_answered_audited_and_counted(
    keyed: KeyWorld, value: str, code: str, why: str
) -> None:
    assert keyed.key_comes(value)[39] == code
    assert keyed.exchange.results == {why: 1}
    assert keyed.exchange.key == "wrapped"
    audited = [each for each in keyed.journal.audit if each.kind == "key exchange failed"]
    assert [(each.subject, each.said) for each in audited] == [(BANK, {"why": why})]
    assert [news.alarms for news in keyed.news] == [True]
    keyed.says(1, sale(keyed.name))
    assert len(keyed.charges_sent) == 1  # the old key is as good as before


def test_without_a_zone_key_no_key_is_taken(keyed: KeyWorld) -> None:
    keyed.switch.keys.take_off(KeyPlace("zmk", BANK), keyed.now)
    assert keyed.key_comes()[39] == "96"
    assert keyed.exchange.results == {"no zone key": 1}


def test_a_wrong_mac_asks_for_a_new_key_at_once_and_only_once(keyed: KeyWorld) -> None:
    wrong_mac(keyed, 1)
    wrong_mac(keyed, 2)
    assert len(keyed.asked) == 1
    keyed.key_is_given()
    keyed.switch.key_proven(BANK, keyed.now)
    assert keyed.exchange.state is KeyState.STEADY
    assert keyed.exchange.mac_errors == 2
    keyed.says(1, sale(keyed.name, 3))
    assert len(keyed.charges_sent) == 3


def test_a_host_that_refuses_our_mac_has_another_key(keyed: KeyWorld) -> None:
    keyed.says(1, sale(keyed.name))
    keyed.answers(answer(keyed.charges_sent[-1], "A0"))
    assert keyed.codes(1) == ["96"]
    assert len(keyed.asked) == 1


def test_another_wrong_mac_under_the_new_key_blocks_the_host(keyed: KeyWorld) -> None:
    wrong_mac(keyed, 1)
    keyed.key_is_given()
    wrong_mac(keyed, 2)
    assert keyed.exchange.blocked
    assert any(news.alarms and "blocked" in news.what for news in keyed.news)
    assert "blocked" in links_of(keyed).why_not_usable()
    assert [each.kind for each in keyed.journal.audit][-1] == "host blocked"
    keyed.says(2, sale(keyed.name, 3))
    assert keyed.codes(2) == ["91"]
    keyed.wait(ANSWER_TIMEOUT_S + 5)
    assert keyed.reversals_sent == []
    assert keyed.state(1) is State.REVERSAL_DUE


def test_a_blocked_host_is_asked_again_and_a_key_that_comes_gets_its_chance(
    keyed: KeyWorld,
) -> None:
    wrong_mac(keyed, 1)
    keyed.key_is_given()
    wrong_mac(keyed, 2)
    keyed.wait(RETRY_S + 1)
    assert len(keyed.asked) == 2
    keyed.key_is_given()
    assert keyed.exchange.state is KeyState.PROVING
    keyed.wait(5)
    assert len(keyed.reversals_sent) >= 1
    keyed.switch.key_proven(BANK, keyed.now)
    keyed.says(3, sale(keyed.name, 3))
    assert len(keyed.charges_sent) == 3


@pytest.mark.parametrize("how", ["silence", "refused", "wrong check value"])
def test_no_key_after_a_wrong_mac_blocks_the_host(keyed: KeyWorld, how: str) -> None:
    wrong_mac(keyed, 1)
    if how == "silence":
        keyed.wait(ANSWER_TIMEOUT_S + 1)
    elif how == "refused":
        keyed.key_is_given("", code="96")
    else:
        keyed.key_is_given(KEY + "00000000")
    assert keyed.exchange.blocked


def test_a_key_that_could_not_be_asked_for_is_asked_for_once_a_link_is_there(
    keyed: KeyWorld,
) -> None:
    keyed.says(1, sale(keyed.name, 1))
    keyed.switch.link_down(BANK, LINK, keyed.now)
    keyed.wait(EVERY_S + 1, step_s=5)
    assert keyed.exchange.state is KeyState.ASKED
    assert keyed.asked == []
    keyed.switch.link_up(BANK, LINK, keyed.now)
    keyed.settle()
    wrong_mac(keyed, 2)
    assert keyed.exchange.state is KeyState.DOUBTED
    keyed.wait(2)
    assert len(keyed.asked) == 1
    keyed.key_is_given()
    assert keyed.exchange.state is KeyState.PROVING


def test_an_exchange_on_time_that_fails_leaves_the_old_key_and_is_tried_again(
    keyed: KeyWorld,
) -> None:
    keyed.wait(EVERY_S + ANSWER_TIMEOUT_S + 1, step_s=5)
    assert keyed.exchange.results == {"no answer": 1}
    keyed.says(1, sale(keyed.name))
    assert len(keyed.charges_sent) == 1
    keyed.wait(RETRY_S + 1)
    assert len(keyed.asked) == 2


def test_a_host_without_any_key_gets_nothing_before_one_came() -> None:
    world = world_of(ISO, has_key=False)
    world.says(1, sale(ISO))
    assert world.codes(1) == ["91"]
    world.wait(1)
    assert len(world.asked) == 1
    world.key_is_given()
    world.says(1, sale(ISO, 2))
    assert len(world.charges_sent) == 1


def test_a_key_may_stand_behind_other_things_in_its_field() -> None:
    world = world_of(ISO, offset=4)
    assert world.key_comes("0040" + KEY + CHECK)[39] == "00"


def test_a_host_with_whom_no_keys_are_exchanged_is_told_40() -> None:
    world = World(ISO)
    fields = {7: "1123171500", 11: "000077", 48: KEY + CHECK, 70: "101"}
    world.answers(build(dialect(ISO), "0800", fields))
    assert world.at_host("0810")[-1][39] == "40"
