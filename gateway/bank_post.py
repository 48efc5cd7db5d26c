"""Tells the bank that settles which cards merchants have, and asks it what it has.

The outbox is `routing.accounts.bank_sync`: a version stands there, durable, from its approval until
the bank answered.  It is told by `PUT <url>/settlement-cards/<merchant>/versions/<number>`, under
the same `Idempotency-Key` each time; the number is a JWE under the bank's own key.  Each night the
bank's list is read (`GET <url>/settlement-cards`) and held against ours.
"""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import trio

from routing.accounts.bank_sync import BankCard, Told
from routing.accounts.refusals import Code

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.desk.floor import Floor
    from gateway.tools import Tools
    from routing.accounts.bank_sync import ToBank
    from routing.switch import Switch

_LOOK_EVERY_S: Final = 0.5
_COMPARE_RETRY_S: Final = 60.0
"""Pause after a comparison that failed."""
PAGES_MAX: Final = 100_000
"""Of the bank's list: one that never ends is given up."""
_ANSWER_BYTES_MAX: Final = 1_048_576
_REFUSED: Final = frozenset({409, 422})


class BankError(Exception):
    """The bank can't be asked now; the message says why."""


class _Taken(msgspec.Struct, frozen=True):
    """The bank's answer to a version."""

    version: int
    masked: str


class _Refused(msgspec.Struct, frozen=True):
    """Its answer to one that it does not take."""

    codes: tuple[Code, ...] = ()


class _Page(msgspec.Struct, frozen=True):
    """A part of its list."""

    cards: tuple[BankCard, ...]
    next: str = ""


class BankPost:
    """The task."""

    def __init__(self, config: Config, switch: Switch, floor: Floor, tools: Tools) -> None:
        self._settings = config.settlement
        self._switch, self._floor = switch, floor
        self._clock, self._log, self._offload = tools.clock, tools.log, tools.offload
        self._compare_from = 0.0
        self.looks = 0

    async def run(self) -> None:
        """For ever, where there is a bank: tell it what it has to be told; each night compare."""
        sync = self._switch.office.settlement.sync
        while self._settings.url:
            for wanted in sync.wanted(self._clock.now()):
                await self._tell(wanted)
            now = self._clock.now()
            if now.monotonic >= self._compare_from and sync.compare_due(now):
                why = await self.compare()
                if why:
                    self._log.error("settlement cards can't be compared", why=why)
                    self._compare_from = self._clock.now().monotonic + _COMPARE_RETRY_S
            self.looks += 1
            await trio.sleep(_LOOK_EVERY_S)

    async def _tell(self, wanted: ToBank) -> None:
        await self._floor.settle()  # nothing is told before it is durable
        codes: tuple[Code, ...] = ()
        try:
            told, codes = await self._offload(self._put, wanted)
        except BankError as error:
            told = Told.FAILED
            self._log.warning("the bank was not told a card", key=wanted.key, why=str(error))
        sync = self._switch.office.settlement.sync
        sync.told(wanted, told, codes, self._clock.now())
        await self._floor.settle()

    async def compare(self) -> str:
        """Hold both sides against each other; why not, if the bank can't be asked."""
        sync = self._switch.office.settlement.sync
        sync.begin_comparison()
        after = ""
        for _ in range(PAGES_MAX):
            try:
                page = await self._offload(self._page, after)
            except BankError as error:
                return str(error)
            sync.compare(page.cards, self._clock.now())
            await self._floor.settle()
            if not page.next:
                break
            after = page.next
        sync.end_comparison(self._clock.now())
        await self._floor.settle()
        return ""

    # What goes over the line

    def _put(self, wanted: ToBank) -> tuple[Told, tuple[Code, ...]]:
        version = wanted.version
        body = {
            "card": version.sealed,
            "token": version.token,
            "masked": version.masked,
            "holder": version.holder,
            "bank": version.bank,
            "kind": version.kind,
            "request": version.request,
        }
        merchant = urllib.parse.quote(wanted.merchant, safe="")
        path = f"/settlement-cards/{merchant}/versions/{version.number}"
        try:
            taken = msgspec.json.decode(self._ask("PUT", path, body, wanted.key), type=_Taken)
        except _SaidNo as no:
            return Told.REFUSED, no.codes
        except msgspec.MsgspecError:
            raise BankError("its answer can't be read") from None
        if (taken.version, taken.masked) != (version.number, version.masked):
            raise BankError("it has another card under this version")
        return Told.TAKEN, ()

    def _page(self, after: str) -> _Page:
        query = f"?after={urllib.parse.quote(after, safe='')}" if after else ""
        try:
            return msgspec.json.decode(self._ask("GET", f"/settlement-cards{query}"), type=_Page)
        except _SaidNo:
            raise BankError("it refuses to tell its list") from None
        except msgspec.MsgspecError:
            raise BankError("its list can't be read") from None

    def _ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, key: str = ""
    ) -> bytes:
        headers = {"content-type": "application/json"}
        if key:
            headers["idempotency-key"] = key
        if self._settings.token_file:
            headers["authorization"] = f"Bearer {_token(self._settings.token_file)}"
        url = self._settings.url.rstrip("/") + path
        data = None if body is None else msgspec.json.encode(body)
        request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - the configuration's, http or https
        try:
            with urllib.request.urlopen(request, timeout=self._settings.timeout_s) as answer:  # noqa: S310
                told: bytes = answer.read(_ANSWER_BYTES_MAX)
                return told
        except urllib.error.HTTPError as error:
            with error:
                if error.code in _REFUSED:
                    raise _SaidNo(_codes(error.read(_ANSWER_BYTES_MAX))) from None
            raise BankError(f"HTTP {error.code}") from None
        except (OSError, HTTPException, ValueError) as error:
            raise BankError(type(error).__name__) from None


class _SaidNo(Exception):  # noqa: N818 - an answer, no fault
    """The bank does not take what it was told."""

    def __init__(self, codes: tuple[Code, ...]) -> None:
        super().__init__("refused")
        self.codes = codes


def _codes(body: bytes) -> tuple[Code, ...]:
    try:
        return msgspec.json.decode(body, type=_Refused).codes
    except msgspec.MsgspecError:
        return ()


def _token(file: str) -> str:
    try:
        return Path(file).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BankError(f"settlement.token_file: {type(error).__name__}") from None
