"""Routing alone: charges a second through `routing.Switch`, with no socket, disk or clock.

Each charge takes four steps: the sale comes, it leaves, the host approves, the approval leaves;
the terminal's next sale proves its delivery.  Also the reversal of a charge that nobody answered.
The same `.py` files are measured as Python runs them, too, in a process of their own: that is what
compiling brings.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench import pure
from bench.processes import CONFIG
from bench.progress import watched
from bench.report import Report, read, row
from bench.rows import DIALECT, SALE
from codec import Message, build
from gateway.config import load
from gateway.garbage import look_seldom
from routing.clock import Now
from routing.effects import ToHost, ToTerminal
from routing.switch import Switch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from routing.effects import Send

STEPS: Final = 4
_TERMINALS: Final = 64
_CHARGES: Final = 4_000
_QUICK_CHARGES: Final = 800
_REPEATS: Final = 5
_LINK: Final = 1
_FIRST_TERMINAL: Final = 100
_TURN_S: Final = 0.0005
_INTERPRETED_S_MAX: Final = 300.0


class Bench:
    """One switch with its host signed on, and time that goes on by itself."""

    def __init__(self) -> None:
        config = load(CONFIG)
        self.settings = config.settings()
        self.host = config.host[0].name
        self.listener = config.listener[0].name
        self.switch = Switch(self.settings, epoch=1, last_id=0, last_stans={})
        self.now = Now(1_000.0, 1_800_000_000.0)
        self.switch.link_up(self.host, _LINK, self.now)

    def later(self, seconds: float) -> None:
        """Let time pass, and all that was due happen."""
        self.now = Now(self.now.monotonic + seconds, self.now.wall + seconds)
        self.switch.tick(self.now)

    def ask(self, sales: Sequence[tuple[int, Message]]) -> None:
        """Sales come over their connections, in one turn."""
        for conn, sale in sales:
            self.switch.from_terminal(conn, self.listener, sale, self.now, mac_good=True)

    def leave(self) -> tuple[list[ToHost], list[ToTerminal]]:
        """All that was decided leaves: to the host, to terminals."""
        outbox = self.switch.take()
        sends: list[Send] = [*outbox.express, *outbox.sends]
        leaving = [each for each in sends if self.switch.may_leave(each, self.now)]
        to_host = [each for each in leaving if isinstance(each, ToHost)]
        to_terminals = [each for each in leaving if isinstance(each, ToTerminal)]
        for send in to_terminals:
            self.switch.handed(send)
        return to_host, to_terminals

    def answer(self, answers: Sequence[Message]) -> None:
        """The host's answers come."""
        for each in answers:
            self.switch.from_host(self.host, _LINK, each, self.now, mac_good=True)


def run(*, quick: bool) -> Report:
    """Charges that go well, and charges that nobody answers; compiled, and from the source."""
    look_seldom()  # as the gateway's collector of cycles does
    report = Report(bench="decisions", rows=[])
    count = _QUICK_CHARGES if quick else _CHARGES
    interpreted = None if pure.is_wanted() else _interpreted(quick=quick)
    bars = {}
    for what, way in _WAYS.items():
        seconds = [way(count) / count for _ in watched(range(_REPEATS), f"routing: {what}")]
        report.rows.append(row(what, [1 / each for each in seconds], "a second"))
        report.rows.append(row("  each", [each * 1e6 for each in seconds], "us"))
        bars[what] = report.rows[-1]
        if way is approved:
            report.rows.append(row("  steps", [STEPS / each for each in seconds], "a second"))
        if interpreted:
            slow = interpreted[what]
            report.rows.append(row("  each, from the source", slow, "us"))
            bars[f"{what}, from the source"] = report.rows[-1]
            brings = [a / (b * 1e6) for a, b in zip(slow, seconds, strict=True)]
            report.rows.append(row("  compiling brings", brings, "x as many a second"))
    report.bar("Routing alone", "us a charge", bars)
    return report


def _interpreted(*, quick: bool) -> dict[str, list[float]]:
    """Microseconds a charge of the same benches, in a process that runs routing from its source."""
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures.json"
        command = [sys.executable, "-m", "bench", "decisions", "--json", str(figures)]
        command += ["--quick"] if quick else []
        environment = os.environ | {pure.VARIABLE: "1"}
        subprocess.run(  # noqa: S603 - ourselves
            command, env=environment, capture_output=True, timeout=_INTERPRETED_S_MAX, check=True
        )
        rows = read(figures).reports[0].rows
    # Each way has a row for its rate, and then one for its time.
    return {a.what: b.values for a, b in itertools.pairwise(rows) if a.what in _WAYS}


def approved(count: int) -> float:
    """Seconds spent in routing for `count` charges that are served; messages are made aside."""
    bench, spent = Bench(), 0.0
    for turn in range(count // _TERMINALS):
        sales = _sales(turn)
        began = time.perf_counter()
        bench.ask(sales)
        to_host, _ = bench.leave()
        spent += time.perf_counter() - began
        answers = [_reply(each.message, "00") for each in to_host]
        began = time.perf_counter()
        bench.answer(answers)
        _, to_terminals = bench.leave()
        bench.later(_TURN_S)
        spent += time.perf_counter() - began
        _expect(len(to_terminals))
    return spent


def reversed_(count: int) -> float:
    """Seconds spent in routing for `count` charges without an answer, until they are reversed."""
    bench, spent = Bench(), 0.0
    silence_s = bench.settings.hosts[0].answer_timeout_s
    reorder_s = bench.settings.reversal.reorder_margin_s
    for turn in range(count // _TERMINALS):
        sales = _sales(turn)
        began = time.perf_counter()
        bench.ask(sales)
        to_host, _ = bench.leave()
        bench.later(silence_s)
        reversals, _ = bench.leave()
        spent += time.perf_counter() - began
        answers = [_reply(each.message, "00") for each in reversals]
        began = time.perf_counter()
        bench.answer(answers)
        bench.leave()
        spent += time.perf_counter() - began
        _expect(sum(each.reverses for each in reversals))
        _expect(sum(not each.reverses for each in to_host))
        # The breaker, that opened on so much silence, closes.
        bench.later(bench.settings.hosts[0].silence_pause_s + reorder_s)
    return spent


_WAYS: Final[dict[str, Callable[[int], float]]] = {
    "charges, approved and served": approved,
    "charges, unanswered and reversed": reversed_,
}


def _expect(count: int) -> None:
    if count != _TERMINALS:
        message = f"routing carried {count} of {_TERMINALS} charges: not what is to be measured"
        raise RuntimeError(message)


def _sales(turn: int) -> list[tuple[int, Message]]:
    """One of each terminal, parsed as the wire would."""
    fields = SALE | {11: f"{turn % 999_999 + 1:06}"}
    sales = []
    for number in range(_TERMINALS):
        frame = build(DIALECT, "0200", fields | {41: f"T{number:07}"}).raw
        sales.append((_FIRST_TERMINAL + number, Message(frame, DIALECT)))
    return sales


def _reply(request: Message, code: str) -> Message:
    """What a host answers: the request's fields, and its word."""
    mti = f"{request.mti[:2]}{int(request.mti[2]) + 1}0"
    echoed = {de: request[de] for de in (3, 4, 7, 11, 12, 13, 41, 42, 49) if de in request}
    fields = echoed | {37: f"RRN000{request[11]}", 38: request[11], 39: code}
    return Message(build(DIALECT, mti, fields).raw, DIALECT)
