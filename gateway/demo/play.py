"""The play itself: who enters when, what is killed, and when it is over.

`run` is the whole course of events; the rest of this package is its stage, cast and critics.
"""

from __future__ import annotations

import json
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import trio
from rich.console import Console

from gateway.demo import verdict as verdicts
from gateway.demo.children import Children
from gateway.demo.judge import Verdict
from gateway.demo.stage import GATEWAY_LOG, HOST_LOG, SETTLE_S, SHOPS, TERMINALS_LOG, Stage, set_up
from gateway.demo.table import print_verdict
from gateway.demo.verdict import AUDIT
from gateway.demo.view import View
from gateway.demo.watch import PERIOD_S, Watch
from gateway.simulators.chance import draw
from gateway.simulators.host import DROP_SIGNAL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

READY_S: Final = 20.0
"""How long a gateway may take to start."""
HEAL_S: Final = 15.0
"""How long charges may stay open once every terminal has settled."""
SALES_PER_TERMINAL_S: Final = 1 / 3
SECONDS_PER_KILL: Final = 12.0
DOWN_S: Final = (0.3, 1.0)
BREATH_S: Final = 1.0
"""Time between one misfortune and the next."""
OVERTIME_S: Final = 58.0
"""How much longer than its traffic the whole play may take."""


class Request(NamedTuple):
    """What the user asked for."""

    seconds: float
    terminals: int
    seed: int
    as_json: bool = False
    keep: Path | None = None


class PlayFailedError(Exception):
    """The play could not be brought to its end; the text says why."""


class Play:
    """One run on one stage."""

    def __init__(self, request: Request, stage: Stage, children: Children) -> None:
        self._request = request
        self._stage = stage
        self._children = children
        self.watch = Watch(stage)
        title = f"isogate demo · {request.terminals} terminals · seed {request.seed}"
        self.view = View(self.watch.figures, title, request.seconds)
        self._gateway: trio.Process
        self.restarts = 0

    async def run(self) -> Verdict:
        """From the first process to the verdict.  Raises PlayFailedError."""
        children, stage = self._children, self._stage
        host = await children.start(stage.host_command(), HOST_LOG)
        await self._start_gateway()
        terminals = [
            await children.start(command, TERMINALS_LOG) for command in self._terminals_commands()
        ]
        await self._until_first_charge(terminals)
        self.view.enter("traffic, with faults", from_zero=True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._misfortunes, host)
            nursery.start_soon(self._announce_the_end_of_traffic)
            await self._until_settled(terminals)
        await self._until_healed()
        self.view.enter("three books are compared")
        stopped = await children.stop(self._gateway)
        self.watch.figures.stopped = True
        if not stopped:
            self.view.tell("the gateway did not stop in peace")
        await self._audit()
        await children.stop(host)
        return verdicts.read(stage.folder)

    def _terminals_commands(self) -> Sequence[list[str]]:
        seconds, count = self._request.seconds, self._request.terminals
        shares = [count // len(SHOPS) + (n < count % len(SHOPS)) for n in range(len(SHOPS))]
        return [
            self._stage.terminals_command(shop, share, seconds, share * SALES_PER_TERMINAL_S)
            for shop, share in zip(SHOPS, shares, strict=True)
        ]

    async def _start_gateway(self) -> None:
        command = self._stage.gateway_command()
        self._gateway = await self._children.start(command, GATEWAY_LOG)
        if not await self.watch.ready(self._gateway, READY_S):
            said = self._children.last_words(GATEWAY_LOG)
            message = f"the gateway did not get ready; its last words: {said}"
            raise PlayFailedError(message)

    def _moment(self, what: str, low: float, high: float) -> float:
        return low + (high - low) * draw(self._request.seed, "play", what)

    # What happens meanwhile

    async def _misfortunes(self, host: trio.Process) -> None:
        """Kill -9, at least once, and a drop of the host's links, when the seed says so."""
        seconds, began = self._request.seconds, trio.current_time()
        await self._kill_and_restart()
        await trio.sleep(BREATH_S)
        await trio.sleep_until(began + seconds * self._moment("drop", 0.80, 0.95))
        host.send_signal(DROP_SIGNAL)
        self.view.tell("the bank host drops its links, whatever is in flight")

    async def _announce_the_end_of_traffic(self) -> None:
        await trio.sleep(self._request.seconds)
        self.view.enter("traffic is over; terminals settle")

    async def _kill_and_restart(self) -> None:
        seconds = self._request.seconds
        kills = 1 + int(seconds // SECONDS_PER_KILL)
        began = trio.current_time()
        for number in range(kills):
            part = self._moment(f"kill {number}", 0.20, 0.55)
            await trio.sleep_until(began + seconds * (number + part) / kills)
            pid = self._gateway.pid
            await self._children.kill(self._gateway)
            self.view.tell(f"kill -9 {pid}: the gateway is gone")
            await trio.sleep(self._moment(f"down {number}", *DOWN_S))
            started_at = trio.current_time()
            await self._start_gateway()
            self.restarts += 1
            took = trio.current_time() - started_at
            self.view.tell(f"the gateway is back, {took:.1f} s after its start")

    async def _until_first_charge(self, terminals: Sequence[trio.Process]) -> None:
        """Terminals take a moment to start; the clock of the play begins with their first sale."""
        with trio.move_on_after(READY_S):
            while not self.watch.figures.bank:
                if any(process.returncode for process in terminals):
                    return
                await trio.sleep(PERIOD_S / 2)

    async def _until_settled(self, terminals: Sequence[trio.Process]) -> None:
        ends = self._request.seconds + SETTLE_S + READY_S
        with trio.move_on_after(ends):
            for process in terminals:
                if await process.wait():
                    said = self._children.last_words(TERMINALS_LOG)
                    message = f"terminals ended with {process.returncode}; last words: {said}"
                    raise PlayFailedError(message)
            return
        message = "the terminals did not come to their end"
        raise PlayFailedError(message)

    async def _until_healed(self) -> None:
        """Faults are over: now every charge must reach its end, within a bound."""
        self.view.enter("every charge comes to its end")
        with trio.move_on_after(HEAL_S):
            await self.watch.look()
            while self.watch.figures.open or not self.watch.figures.up:
                await trio.sleep(PERIOD_S)
                await self.watch.look()

    async def _audit(self) -> None:
        """What it finds is in its output; a status other than 0 shows in the verdict."""
        output = self._stage.folder / AUDIT
        process = await self._children.start(self._stage.audit_command(), GATEWAY_LOG, output)
        await process.wait()
        if not output.stat().st_size:
            message = f"the audit said nothing (status {process.returncode})"
            raise PlayFailedError(message)


async def run(request: Request) -> bool:
    """Play, show, judge; whether the books agree."""
    began = trio.current_time()
    folder = request.keep or Path(tempfile.mkdtemp(prefix="isogate-demo-"))
    agreed = False
    try:
        agreed = await _perform(request, folder, began)
    except* (PlayFailedError, OSError) as failures:
        for failure in _each(failures):
            sys.stderr.write(f"isogate demo: {failure}\n")
    finally:
        if request.keep is None and agreed:
            shutil.rmtree(folder)
        elif not agreed and folder.exists():
            sys.stderr.write(f"isogate demo: books and logs are in {folder}\n")
    return agreed


def _each(failures: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """The failures inside, however deep the groups of nested nurseries."""
    for failure in failures.exceptions:
        if isinstance(failure, BaseExceptionGroup):
            yield from _each(failure)
        else:
            yield failure


async def _perform(request: Request, folder: Path, began: float) -> bool:
    outcome: list[tuple[Verdict, int]] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_cancel_on_signal, nursery.cancel_scope)
        async with Children(folder) as children:
            play = Play(request, set_up(folder, request.seed), children)
            nursery.start_soon(play.watch.run)
            nursery.start_soon(play.view.run)
            with trio.move_on_at(began + request.seconds + OVERTIME_S) as clock:
                outcome.append((await play.run(), play.restarts))
            if clock.cancelled_caught:
                message = f"not done within {OVERTIME_S:.0f} s after the traffic"
                raise PlayFailedError(message)
        nursery.cancel_scope.cancel()
    if not outcome:
        return False
    verdict, restarts = outcome[0]
    _report(request, folder, verdict, restarts, trio.current_time() - began)
    return verdict.books_agree


async def _cancel_on_signal(scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        await anext(signals)
        sys.stderr.write("isogate demo: interrupted\n")
        scope.cancel()


def _report(
    request: Request, folder: Path, verdict: Verdict, restarts: int, seconds: float
) -> None:
    times = "once" if restarts == 1 else f"{restarts} times"
    remarks = f"gateway killed and restarted {times} · {seconds:.0f} s"
    print_verdict(verdict, remarks=remarks, console=Console(stderr=request.as_json))
    line = {
        name: getattr(verdict, name)
        for name in Verdict.__struct_fields__
        if name not in ("rows", "disagreements")
    }
    line |= {"restarts": restarts, "seconds": round(seconds, 1), "seed": request.seed}
    line["disagreements"] = len(verdict.disagreements)
    text = json.dumps(line)
    (folder / "demo.json").write_text(text + "\n", "utf-8")
    if request.as_json:
        sys.stdout.write(text + "\n")
