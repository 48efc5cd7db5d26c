"""Keys on order, with a real custody; and which of a terminal's keys a message is checked with."""

from __future__ import annotations

import io
from typing import Any

import pytest
import trio

from codec import MacKey, Message, mac
from codec.keys import working_keys
from gateway.clock import SystemClock
from gateway.config_macs import Mac
from gateway.key_work import KeyWorkers
from gateway.keys.software import SoftwareCustody
from gateway.log import Log
from gateway.metrics import Metrics
from gateway.peers import WorkingPeer
from gateway.terminal_keys import TerminalKeys
from gateway.tools import Tools
from routing.effects import IssuedKeys, KeyWork, NewWorkingKeys
from routing.sign_in import UNUSED_MAX, Session, SignState, Till
from routing.sign_in_settings import KeyLengths
from tests.gateway.custodies import KEK, sealed
from tests.routing.street import echo
from tests.routing.world import LISTENER, MERCHANT, POS, TERMINAL, sale

TMK = "31313131313131313232323232323232"
TILL = Till(MERCHANT, TERMINAL)
OLD, NEW, STRANGE, LATE = (MacKey("cup-ecb", bytes([n]) * 16) for n in (1, 4, 8, 16))
MACS = {LISTENER: Mac(algorithm="cup-ecb")}


class Kicked:
    """Stands for the pipeline, which is told that something was decided."""

    def __init__(self) -> None:
        self.event = trio.Event()

    def kick(self) -> None:
        """Something was decided."""
        self.event.set()


def keys() -> tuple[TerminalKeys, list[tuple[Till, int]]]:
    used: list[tuple[Till, int]] = []
    return TerminalKeys(lambda till, number: used.append((till, number))), used


def signed(key: MacKey, stan: int = 1) -> Message:
    message = sale(POS, stan)
    message.patch(64, "0" * 16)
    mac.sign(message, key)
    return message


def tools() -> Tools:
    return Tools(SystemClock(), Metrics(), Log(io.StringIO()))


def test_old_and_new_key_are_good_until_the_new_one_was_used() -> None:
    held, used = keys()
    held.restored(TILL, OLD, [])
    held.given(TILL, NEW)
    assert held.authentic(signed(OLD))
    assert not held.authentic(signed(STRANGE))
    assert used == []
    assert held.authentic(signed(NEW))
    assert used == [(TILL, 0)]
    assert not held.authentic(signed(OLD))
    assert held.authentic(signed(NEW))
    assert used == [(TILL, 0)]


def test_a_terminal_may_have_heard_any_of_its_last_sign_ins() -> None:
    held, used = keys()
    held.restored(TILL, OLD, [])
    for key in (STRANGE, NEW, LATE):
        held.given(TILL, key)
    assert held.authentic(signed(OLD))
    assert held.authentic(signed(NEW))
    assert used == [(TILL, 1)]
    assert not held.authentic(signed(OLD))
    assert not held.authentic(signed(STRANGE))
    assert held.authentic(signed(LATE))
    assert used == [(TILL, 1), (TILL, 0)]


def test_of_the_keys_that_were_never_used_the_oldest_gives_way() -> None:
    held, _ = keys()
    held.given(TILL, STRANGE)
    for _each in range(UNUSED_MAX):
        held.given(TILL, NEW)
    assert not held.authentic(signed(STRANGE))
    assert held.authentic(signed(NEW))


def test_an_answer_is_signed_with_the_key_of_its_request() -> None:
    held, _ = keys()
    peer = WorkingPeer(sale(POS).dialect, held)
    held.restored(TILL, OLD, [])
    held.given(TILL, NEW)
    for key in (OLD, NEW):
        assert peer.authentic(signed(key))
        assert mac.verify(Message(peer.signed(sale(POS)), peer.dialect), key)


def test_a_first_answer_is_signed_with_the_only_key_there_is() -> None:
    held, _ = keys()
    held.given(TILL, NEW)
    answer = sale(POS)
    held.sign(answer)
    assert mac.verify(answer, NEW)


def test_network_management_has_no_mac_either_way() -> None:
    held, _ = keys()
    peer = WorkingPeer(sale(POS).dialect, held)
    assert peer.authentic(echo(POS))
    held.given(TILL, NEW)
    assert peer.signed(echo(POS)) == echo(POS).raw


def test_another_terminals_key_is_no_key() -> None:
    held, _ = keys()
    held.given(Till(MERCHANT, "T0000002"), NEW)
    assert not held.authentic(signed(NEW))
    peer = WorkingPeer(sale(POS).dialect, held)
    assert peer.signed(sale(POS)) == sale(POS).raw


async def worked(
    wanted: NewWorkingKeys, custody: SoftwareCustody | None, *, takes: bool = True
) -> tuple[IssuedKeys | None, TerminalKeys]:
    """One piece of work, to its end."""
    held, _ = keys()
    workers = KeyWorkers(custody, MACS, held, tools())
    results: list[IssuedKeys | None] = []

    def done(issued: IssuedKeys | None, now: Any) -> bool:
        assert now.wall
        results.append(issued)
        return takes

    kicked: Any = Kicked()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(workers.run, kicked)
        workers.ask(KeyWork(wanted, done))
        await kicked.event.wait()
        nursery.cancel_scope.cancel()
    (result,) = results
    assert workers.failed == (result is None)
    return result, held


async def wanted(lengths: KeyLengths, custody: SoftwareCustody) -> NewWorkingKeys:
    cipher = lengths.cipher
    master = await sealed(custody).known(TMK, "tmk", TILL.key, cipher)
    return NewWorkingKeys(*TILL, str(master), lengths, LISTENER)


@pytest.mark.parametrize(
    ("lengths", "size"),
    [
        (KeyLengths(8, 8), 24),
        (KeyLengths(16, 8), 40),
        (KeyLengths(16, 16), 40),
        (KeyLengths(16, 16, 16), 60),
        (KeyLengths(24, 24), 56),
        (KeyLengths(24, 24, 24), 84),
    ],
)
async def test_keys_are_made_and_the_mac_key_is_held(lengths: KeyLengths, size: int) -> None:
    custody = SoftwareCustody([KEK])
    issued, held = await worked(await wanted(lengths, custody), custody)
    assert issued is not None
    assert len(issued.block) == size
    clear = working_keys(bytes.fromhex(TMK), issued.block)
    assert held.authentic(signed(MacKey("cup-ecb", clear.mak)))
    assert bytes(clear.mak).hex() not in issued.mak


async def test_keys_of_sm4_make_macs_of_sm4() -> None:
    custody = SoftwareCustody([KEK])
    issued, held = await worked(await wanted(KeyLengths(16, 16, 16, "sm4"), custody), custody)
    assert issued is not None
    clear = working_keys(bytes.fromhex(TMK), issued.block, "sm4")
    assert held.authentic(signed(MacKey("cup-sm4", clear.mak)))


async def test_what_routing_does_not_take_is_not_held() -> None:
    custody = SoftwareCustody([KEK])
    wants = await wanted(KeyLengths(16, 16), custody)
    issued, held = await worked(wants, custody, takes=False)
    assert issued is not None
    assert len(held) == 0


@pytest.mark.parametrize("why", ["no custody", "no TMK", "not a key", "another's KEK"])
async def test_what_cannot_be_done_is_told(why: str) -> None:
    custody: SoftwareCustody | None = SoftwareCustody([KEK])
    assert custody is not None
    wants = await wanted(KeyLengths(16, 16), custody)
    if why == "no custody":
        custody = None
    elif why == "no TMK":
        wants = wants._replace(master="")
    elif why == "not a key":
        wants = wants._replace(master="isk1:nonsense")
    else:
        custody = SoftwareCustody([bytes(32)])
    issued, held = await worked(wants, custody)
    assert issued is None
    assert len(held) == 0


async def test_work_beyond_the_bound_is_told_that_it_cannot_be_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.key_work.WAITING_MAX", 1)
    custody = SoftwareCustody([KEK])
    workers = KeyWorkers(custody, MACS, keys()[0], tools())
    results: list[IssuedKeys | None] = []

    def done(issued: IssuedKeys | None, now: object) -> bool:
        results.append(issued)
        return bool(now) and issued is not None

    wants = await wanted(KeyLengths(16, 16), custody)
    workers.ask(KeyWork(wants, done))
    workers.ask(KeyWork(wants, done))
    assert results == [None]
    assert (workers.waiting(), workers.failed) == (1, 1)


async def test_keys_of_an_earlier_life_are_opened_again() -> None:
    custody = SoftwareCustody([KEK])
    first = await wanted(KeyLengths(16, 16), custody)
    issued, before = await worked(first, custody)
    assert issued is not None
    session = Session(TILL, SignState.IN, LISTENER, 1, new_key=issued.mak)
    held, used = keys()
    workers = KeyWorkers(SoftwareCustody([KEK]), MACS, held, tools())
    await workers.restore([session])
    clear = working_keys(bytes.fromhex(TMK), issued.block)
    message = signed(MacKey("cup-ecb", clear.mak))
    assert before.authentic(message)
    assert held.authentic(message)
    assert used == [(TILL, 0)]


async def test_keys_that_cannot_be_opened_any_more_leave_a_terminal_that_signs_in_again() -> None:
    custody = SoftwareCustody([KEK])
    issued, _ = await worked(await wanted(KeyLengths(16, 16), custody), custody)
    assert issued is not None
    held, _ = keys()
    workers = KeyWorkers(SoftwareCustody([bytes(32)]), MACS, held, tools())
    await workers.restore([Session(TILL, SignState.IN, LISTENER, 1, key=issued.mak)])
    assert len(held) == 0
