"""Delivers customers' notices: posts each to a URL until somebody took it.

The outbox is the docket: a notice stands there from the commit of the step that it tells of until
an entry says that it was taken.  So each is delivered at least once, whatever is killed; its key
(`Idempotency-Key`) tells the receiver which it had already.  The body is masked data only.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from collections import Counter
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Final

import msgspec
import trio

from gateway.journal.desk_reader import DeskReader
from gateway.journal.port import JournalError
from gateway.journal.vault import KeyFileError
from gateway.story import utc
from routing.docket import Entry

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.desk.floor import Floor
    from gateway.tools import Tools
    from routing.effects import Noted
    from routing.switch import Switch

AT_ONCE_MAX: Final = 100
"""Notices that are read from the journal at a time; the rest waits there."""
_LOOK_EVERY_S: Final = 1.0
_BUSY: Final = frozenset({408, 425, 429})
_CLIENT_ERRORS: Final = range(400, 500)


class NotTakenError(Exception):
    """The receiver did not take a notice; `final` if it never will."""

    def __init__(self, why: str, *, final: bool) -> None:
        super().__init__(why)
        self.final = final


class NoticePost:
    """The task that delivers notices."""

    def __init__(self, config: Config, switch: Switch, floor: Floor, tools: Tools) -> None:
        self._config, self._settings = config, config.notices
        self._switch, self._floor = switch, floor
        self._clock, self._log, self._offload = tools.clock, tools.log, tools.offload
        self._pause_s = self._settings.retry_s
        self._after = 0
        """Every notice up to this entry was taken, refused or given up."""
        self.results: Counter[str] = Counter()
        """Tries by what came of them: taken, failed, refused, given_up."""
        self.waiting = 0
        """Notices that nobody took yet, as of the last look; no more than AT_ONCE_MAX."""
        self.looks = 0

    async def run(self) -> None:
        """For ever: what waits is posted, oldest first; a failure makes all wait a little."""
        while True:
            pause_s = _LOOK_EVERY_S
            for notice in await self._waiting():
                if not await self._deliver(notice):
                    pause_s = self._pause_s
                    self._pause_s = min(self._pause_s * 2, self._settings.retry_max_s)
                    break
                self._pause_s = self._settings.retry_s
            await trio.sleep(pause_s)

    async def _waiting(self) -> list[Noted]:
        def read() -> tuple[list[Noted], int]:
            with DeskReader(self._config) as reader:
                return reader.undelivered(self._after, AT_ONCE_MAX)

        try:
            found, self._after = await self._offload(read)
        except (JournalError, KeyFileError) as error:
            self._log.error("notices can't be read", why=str(error))
            return []
        self.waiting = len(found)
        self.looks += 1
        return found

    async def _deliver(self, notice: Noted) -> bool:
        """Whether the next one may go; False while the receiver takes none."""
        if self._clock.now().wall - notice.at > self._settings.age_max_s:
            return await self._done(notice, "given_up")
        try:
            await self._offload(self._post, notice)
        except NotTakenError as error:
            if error.final:
                self._log.warning("a notice was refused", why=str(error))
                return await self._done(notice, "refused")
            self.results["failed"] += 1
            self._log.warning("notices are not taken", why=str(error))
            return False
        return await self._done(notice, "taken")

    async def _done(self, notice: Noted, how: str) -> bool:
        self.results[how] += 1
        now = self._clock.now()
        self._switch.docket.note(Entry.NOTICE_DONE, now, key=notice.key, said={"how": how})
        await self._floor.settle()
        self.waiting -= 1
        return True

    def _post(self, notice: Noted) -> None:
        request = urllib.request.Request(  # noqa: S310 - the configuration's URL, http or https
            self._settings.url,
            msgspec.json.encode(body_of(notice)),
            {"content-type": "application/json", "idempotency-key": notice.key},
            method="POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=self._settings.timeout_s):  # noqa: S310
                return
        except urllib.error.HTTPError as error:
            error.close()
            final = error.code in _CLIENT_ERRORS and error.code not in _BUSY
            raise NotTakenError(f"HTTP {error.code}", final=final) from None
        except (OSError, HTTPException, ValueError) as error:
            raise NotTakenError(type(error).__name__, final=False) from None


def body_of(notice: Noted) -> dict[str, Any]:
    """What the receiver gets."""
    by = float(notice.said["by"])
    return {
        "key": notice.key,
        "charge": notice.id,
        "at": utc(notice.at) + "Z",
        **{name: value for name, value in notice.said.items() if name != "by"},
        "by": utc(by) + "Z" if by else None,
    }
