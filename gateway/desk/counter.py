"""The desk from outside the gateway's process: over HTTP while it runs, else directly."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import trio

from gateway.audit import Audit
from gateway.cases import case_of, difference_of
from gateway.clock import SystemClock
from gateway.desk.desk import Desk
from gateway.desk.floor import PaperFloor
from gateway.desk.key_desk import KeyDesk
from gateway.desk.people import NotAllowedError, People
from gateway.desk.requests import (
    Account,
    AnyRequest,
    Asked,
    DeskError,
    KeyRequest,
    NobodyThereError,
    Reply,
)
from gateway.journal.desk_reader import DeskReader
from gateway.journal.lock import LockedError
from gateway.journal.sqlite import SqliteJournal
from gateway.journal.vault import Vault, load_key, read_key
from gateway.keys.opening import custody_of
from routing.cards import Cards
from routing.charge import State
from routing.docket import Entry
from routing.limit_changes import pending_limits
from routing.limits import Limits
from routing.switch import Switch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.config import Config

_TIMEOUT_S: Final = 150.0
"""A test charge and its reversal may take two minutes."""


def list_cases(config: Config) -> list[dict[str, Any]]:
    """Every open case, with what is proposed.  Raises JournalError or KeyFileError."""
    with Audit(config) as books, DeskReader(config) as reader:
        return [case_of(charge, reader.said_of(charge.id)) for charge in books.cases()]


def list_differences(config: Config) -> list[dict[str, Any]]:
    """Differences to settlement files and batches of which no case was made, and that nobody
    settled yet.
    """
    with DeskReader(config) as reader:
        settled = {entry.key for entry in reader.entries(Entry.DIFFERENCE_SETTLED)}
        return [
            difference_of(entry)
            for entry in reader.entries(Entry.DIFFERENCE)
            if entry.said.get("open") and entry.key not in settled
        ]


def limits_of(config: Config) -> dict[str, Any]:
    """The limits in force, by the configuration or by two persons, and those proposed."""
    with DeskReader(config) as reader:
        said = [*reader.entries(Entry.LIMITS_PROPOSED), *reader.entries(Entry.LIMITS_CHANGED)]
    limits = Limits(config.limits, Cards(b""))
    entries = sorted(said, key=lambda entry: entry.at)
    proposed = pending_limits(limits, entries)
    return {
        **msgspec.to_builtins(limits.settings),
        "proposed": msgspec.json.decode(proposed.how) if proposed else None,
        "proposed_by": proposed.who if proposed else "",
    }


def ask(config: Config, request: AnyRequest, who: str, token: str = "") -> Reply:
    """Have the desk do something.  Raises DeskError, NobodyThereError or what a journal raises."""
    (reply,) = ask_all(config, [request], who, token)
    return reply


def ask_all(
    config: Config, requests: Sequence[AnyRequest], who: str, token: str = ""
) -> list[Reply]:
    """The same for several, in their order."""
    try:
        people = People.of(config.admin.token_file)
        token = token or people.shared_token
        name = people.who(token, who)
    except NotAllowedError as error:
        return [Reply(status=401, said=str(error)) for _ in requests]
    except (OSError, ValueError) as error:
        message = f"admin.token_file: {error}"
        raise DeskError(message) from None
    try:
        return trio.run(_on_paper, config, requests, name)
    except LockedError:
        return [_over_http(config, Asked(request=each, who=who), token) for each in requests]


async def _on_paper(config: Config, requests: Sequence[AnyRequest], who: str) -> list[Reply]:
    clock = SystemClock()
    with_keys = any(isinstance(each, KeyRequest) for each in requests)
    # Keys may be brought before there is a journal; all else is about what stands in one.
    key = (load_key if with_keys else read_key)(config.journal.key_path)
    journal = SqliteJournal(Path(config.journal.path), Vault(key))
    try:
        now = clock.now()
        on_accounts = any(isinstance(each, Account) for each in requests)
        ended_max = config.journal.ended_in_memory_max if on_accounts else 0
        recovery = journal.start(now.wall, ended_max=ended_max)
        settings = msgspec.structs.replace(config.settings(), card_key=recovery.card_key)
        switch = Switch(
            settings,
            epoch=recovery.epoch,
            last_id=recovery.last_id,
            last_stans=recovery.last_stans,
        )
        for charge in recovery.charges:
            # Open charges wait for a gateway: their restart is for it to see.  But they stand
            # against an account's end.
            if on_accounts or charge.state is State.CASE:
                switch.adopt(charge)
        switch.hold(recovery.kept)
        switch.office.restore()
        switch.remember(recovery.entries)
        floor = PaperFloor(switch, journal, clock)
        desk = Desk(config, switch, floor, clock, trio.to_thread.run_sync)
        if not with_keys:
            return [await desk.do(each, who) for each in requests]
        async with custody_of(config.keys) as custody:
            desk.keys = KeyDesk(custody, switch, floor, clock)
            return [await desk.do(each, who) for each in requests]
    finally:
        journal.close()


def _over_http(config: Config, asked: Asked, token: str) -> Reply:
    request = admin_request(config, "POST", "/desk", asked, token)
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            return msgspec.json.decode(answer.read(), type=Reply)
    except urllib.error.HTTPError as error:
        with error:
            return _refused(error)
    except OSError as error:
        url = request.full_url
        message = f"the journal is in use, and its gateway does not answer at {url}: {error}"
        raise NobodyThereError(message) from None


def admin_request(
    config: Config, method: str, path: str, body: object, token: str
) -> urllib.request.Request:
    """A request to the running gateway's HTTP side."""
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    url = f"http://{config.admin.host}:{config.admin.port}{path}"
    return urllib.request.Request(url, msgspec.json.encode(body), headers, method=method)


def _refused(error: urllib.error.HTTPError) -> Reply:
    try:
        return msgspec.json.decode(error.read(), type=Reply)
    except msgspec.MsgspecError:
        return Reply(status=error.code, said=str(error.reason))
