"""A test charge and its reversal, each day, through each host that has a card for it.

It is a terminal of its own on one of our own listeners, so that all that a sale passes is passed:
socket, MAC, route, host, journal; and a real charge by the same table, though nobody's sale.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import trio

from codec import BuildError, FrameError, Framer, Message
from codec.framing import frame
from gateway.peers import peers_of
from gateway.simulators.terminal_speech import SPEECHES, SaleFacts
from gateway.terminal_keys import TerminalKeys
from routing.charge import Charge, State
from routing.docket import Entry
from routing.response_codes import APPROVED

if TYPE_CHECKING:
    from gateway.config import Config, Listener
    from gateway.desk.floor import Floor
    from gateway.tools import Tools
    from routing.switch import Switch

_BACK: Final = frozenset({State.REVERSED, State.NOTHING_TO_REVERSE})
_LOOK_S: Final = 0.05
_READ_BYTES: Final = 65_536
_STANS: Final = 999_999
_BATCH: Final = "000001"
_BY_HAND: Final = "012"


class CanaryError(Exception):
    """A test charge did not go as it should; the message says where."""


_GOES_WRONG: Final = (
    *(CanaryError, BuildError, FrameError, OSError, ValueError),
    *(trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError),
)


class Canary:
    """Flies each day at its time, and when it is told to."""

    def __init__(self, config: Config, switch: Switch, floor: Floor, tools: Tools) -> None:
        self._config, self._settings = config, config.canary
        self._switch, self._floor = switch, floor
        self._clock, self._log = tools.clock, tools.log
        self._peers = peers_of(config, TerminalKeys(lambda *_: None))
        self._one_at_a_time = trio.Lock()
        self._last = 0
        self.flown: Counter[tuple[str, str]] = Counter()
        """Flights by host and outcome (ok, failed)."""

    def change(self, config: Config) -> None:
        """Other keys of listeners from now on."""
        self._config, self._peers = config, peers_of(config, TerminalKeys(lambda *_: None))

    @property
    def ok(self) -> dict[str, bool]:
        """By host, whether its last test charge went well."""
        return {host: ok for host, (_, ok) in self._switch.docket.canaries.items()}

    async def run(self) -> None:
        """Every day at the configured time; a flight that a stop missed is made up for."""
        while self._settings.at:
            due = self._due()
            now = self._clock.now().wall
            late = [
                host
                for host in self._settings.card_files
                if self._switch.docket.canaries.get(host, (0.0, False))[0] < due.timestamp()
            ]
            if late:
                for host in late:
                    await self._until_usable(host)
                    await self.fly(host)
                continue
            await trio.sleep(max((due + timedelta(days=1)).timestamp() - now, 1.0))

    async def _until_usable(self, host: str) -> None:
        """A gateway that just started has no links yet.  One that gets none is told of as well."""
        with trio.move_on_after(self._settings.timeout_s):
            while not self._switch.hosts[host].links.usable():  # noqa: ASYNC110 - seen from outside
                await trio.sleep(_LOOK_S)

    def _due(self) -> datetime:
        """The last time at which flights were due."""
        now = datetime.fromtimestamp(self._clock.now().wall, UTC)
        hour, _, minute = self._settings.at.partition(":")
        due = now.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
        return due if due <= now else due - timedelta(days=1)

    async def fly(self, host: str) -> dict[str, str]:
        """A test charge through one host, or each ('').  By host: '' or what went wrong."""
        wanted = [host] if host else list(self._settings.card_files)
        results = {}
        async with self._one_at_a_time:
            for name in wanted:
                if name in self._settings.card_files:
                    results[name] = await self._one(name)
        return results

    async def _one(self, host: str) -> str:
        why = ""
        try:
            await self._flight(host)
        except _GOES_WRONG as error:
            why = str(error) or "no answer in time"
            self._log.error("canary failed", host=host, why=why)
        now, docket = self._clock.now(), self._switch.docket
        docket.note(Entry.CANARY, now, said={"host": host, "ok": int(not why), "why": why})
        await self._floor.settle()
        # Durable first: what is shown as flown is not flown again after a restart.
        docket.canaries[host] = (now.wall, not why)
        self.flown[host, "failed" if why else "ok"] += 1
        return why

    async def _flight(self, host: str) -> None:
        listener = self._listener()
        speech = SPEECHES[listener.dialect]
        now = self._clock.now()
        # The seconds tell it from the flights of earlier lives, and one more from those of this.
        self._last = max(self._last + 1, int(now.wall))
        stan = f"{self._last % _STANS + 1:06d}"
        merchant, terminal = self._settings.identity
        card = await trio.Path(self._settings.card_files[host]).read_text("ascii")
        amount = self._settings.amount
        facts = SaleFacts(merchant, terminal, stan, _BATCH, amount, card.strip(), now.utc())
        with trio.fail_after(self._settings.timeout_s):
            stream = await trio.open_tcp_stream(listener.host, listener.port)
            async with stream:
                sale = self._worded(speech.sale(facts))
                await self._asks(stream, listener, sale, "charge")
                led_to = self._charge(stan).host
                reversal = speech.reversal(facts, f"{int(stan) % _STANS + 1:06d}", now.utc())
                await self._asks(stream, listener, self._worded(reversal), "reversal")
        if led_to != host:
            raise CanaryError(f"the route led to {led_to}")
        with trio.move_on_after(self._settings.timeout_s):
            while self._charge(stan).state not in _BACK:  # noqa: ASYNC110 - seen from outside
                await trio.sleep(_LOOK_S)
            return
        raise CanaryError(f"approved, and now {self._charge(stan).state}")

    def _worded(self, message: Message) -> Message:
        """Keyed by hand: there is no track and no chip; in the configured currency."""
        if message.has(35):
            message.remove(35)
        if message.has(22):
            message.patch(22, _BY_HAND)
        message.patch(49, self._settings.currency)
        return message

    async def _asks(
        self, stream: trio.SocketStream, listener: Listener, message: Message, what: str
    ) -> None:
        answer = await self._asked(stream, listener, message)
        if answer[39] != APPROVED:
            raise CanaryError(f"the {what} was answered {answer[39]}")

    async def _asked(
        self, stream: trio.SocketStream, listener: Listener, message: Message
    ) -> Message:
        peer = self._peers[listener.name]
        await stream.send_all(frame(peer.signed(message)))
        framer = Framer()
        while data := await stream.receive_some(_READ_BYTES):
            for body in framer.feed(data):
                return Message(body, peer.dialect)
        message_text = "the gateway closed the connection"
        raise CanaryError(message_text)

    def _listener(self) -> Listener:
        wanted = self._settings.listener or self._config.listener[0].name
        return next(each for each in self._config.listener if each.name == wanted)

    def _charge(self, stan: str) -> Charge:
        for charge in self._switch.life.book.newest():
            if (
                charge.stan == stan
                and (charge.merchant, charge.terminal) == self._settings.identity
            ):
                return charge
        message = "it did not become a charge"
        raise CanaryError(message)
