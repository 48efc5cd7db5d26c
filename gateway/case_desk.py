"""Cases from outside the gateway's process: through its HTTP side while it runs, else directly."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gateway.audit import Audit
from gateway.cases import CLOSINGS, case_of
from gateway.journal.sqlite import LockedError, SqliteJournal
from gateway.journal.vault import Vault, read_key
from routing.clock import Now
from routing.switch import Switch

if TYPE_CHECKING:
    from gateway.config import Config

_TIMEOUT_S: Final = 10.0


class CaseDeskError(Exception):
    """The case could not be listed or closed; the message says why."""


def list_cases(config: Config) -> list[dict[str, Any]]:
    """Every open case.  Raises CaseDeskError, JournalError or KeyFileError."""
    with Audit(config) as books:
        return [case_of(charge) for charge in books.cases()]


def close_case(config: Config, charge_id: int, how: str) -> str:
    """Close a case as `how` (a key of CLOSINGS); returns the charge's new state."""
    try:
        return _close_in_journal(config, charge_id, how)
    except LockedError:
        return _close_over_http(config, charge_id, how)


def _close_in_journal(config: Config, charge_id: int, how: str) -> str:
    vault = Vault(read_key(config.journal.key_path))
    journal = SqliteJournal(Path(config.journal.path), vault)
    try:
        now = Now(time.monotonic(), time.time())
        recovery = journal.start(now.wall, ended_max=0)
        switch = Switch(
            config.settings(),
            epoch=recovery.epoch,
            last_id=recovery.last_id,
            last_stans=recovery.last_stans,
        )
        for charge in recovery.charges:
            if charge.id == charge_id:
                switch.adopt(charge)
        state = switch.close_case(charge_id, CLOSINGS[how], now)
        if state is None:
            message = f"charge {charge_id}: no such open case"
            raise CaseDeskError(message)
        journal.append(switch.take().records)
        return state
    finally:
        journal.close()


def _close_over_http(config: Config, charge_id: int, how: str) -> str:
    headers = {"content-type": "application/json"}
    if config.admin.token_file:
        token = Path(config.admin.token_file).read_text("utf-8").strip()
        headers["authorization"] = f"Bearer {token}"
    url = f"http://{config.admin.host}:{config.admin.port}/cases/{charge_id}/close"
    body = json.dumps({"how": how}).encode()
    request = urllib.request.Request(url, body, headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            return str(json.load(answer)["state"])
    except urllib.error.HTTPError as error:
        reason = json.load(error).get("error", error.reason)
        raise CaseDeskError(f"charge {charge_id}: {reason}") from None
    except OSError as error:
        message = f"the journal is in use, and its gateway does not answer at {url}: {error}"
        raise CaseDeskError(message) from None
