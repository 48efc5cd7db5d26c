"""Charges and their records for the tests of journals and of the audit."""

from __future__ import annotations

import shutil
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import apsw

from gateway.journal.ground import Ground
from gateway.journal.redo import SUFFIXES
from gateway.journal.rows import IN_MOVED, IN_OPENED
from gateway.journal.sqlite import SqliteJournal
from gateway.journal.vault import Vault, load_key
from routing import records
from routing.charge import TABLE, Charge, Event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from routing.effects import Record
    from routing.records import Opened

PAN = "4761739001010119"
TRACK = PAN + "=3012"
_AS_JSON: Final = {
    "epoch": "NEW.pan_epoch",
    "approval_held": "json(iif(NEW.approval_held, 'true', 'false'))",
    **{name: f"json(NEW.{name})" for name in ("sent", "answer", "echoed")},
}


def _array(names: tuple[str, ...]) -> str:
    return f"json_array({', '.join(_AS_JSON.get(name, f'NEW.{name}') for name in names)})"


_BY_HAND: Final = f"""
CREATE TEMP TRIGGER changes INSTEAD OF UPDATE ON charge BEGIN
    UPDATE charge_record SET epoch = NEW.epoch, state = NEW.state, updated_at = NEW.updated_at,
        steps = NEW.steps, host = NEW.host, opened = {_array(IN_OPENED)}, moved = {_array(IN_MOVED)}
    WHERE id = OLD.id;
END;
CREATE TEMP TRIGGER removes INSTEAD OF DELETE ON charge BEGIN
    DELETE FROM charge_record WHERE id = OLD.id;
END;
"""  # noqa: S608 - names of ours only


def charge(number: int = 1, epoch: int = 1, **changes: Any) -> Charge:
    """A charge as `terminal_side` opens it."""
    values: dict[str, Any] = {
        "id": number,
        "epoch": epoch,
        "opened_at": 1_790_000_000.0 + number,
        "identity": f"MERCHANT0000001|T0000001|{number:06d}|2|1123|171500",
        "dialect": "iso87-ascii",
        "listener": "listener-1",
        "mti": "0200",
        "merchant": "MERCHANT0000001",
        "terminal": "T0000001",
        "stan": f"{number:06d}",
        "batch": "",
        "de7": "1123171500",
        "processing_code": "000000",
        "amount": 1000,
        "currency": "840",
        "pan": PAN,
        "proof": "approval",
        "window_s": 60.0,
        "host": "host-1",
        "host_stan": f"{number:06d}",
        "host_de7": "1123171500",
        "sent": {3: "000000", 4: "000000001000", 41: "T0000001", 42: "MERCHANT0000001"},
    }
    return Charge(**values | changes)


def opened(each: Charge) -> Opened:
    """Its first record."""
    return records.opened(each)


def moves(each: Charge, *events: Event, **changes: Any) -> Iterator[Record]:
    """The records of these events, by the table; `changes` hold from the first on."""
    for name, value in changes.items():
        setattr(each, name, value)
    for event in events:
        before = each.state
        each.state = TABLE[before][event].next
        each.updated_at = each.updated_at or each.opened_at
        yield records.moved(each, event, before)


def sqlite(folder: Path, ground: Ground = Ground()) -> SqliteJournal:  # noqa: B008 - never changes
    """The embedded journal in `folder`."""
    vault = Vault(load_key(folder / "isogate.db.key"))
    return SqliteJournal(folder / "isogate.db", vault, ground=ground)


LOG_ONLY: Final = Ground(apply_each=1_000_000)
"""The tables take nothing in until they are asked: all is in the redo log alone."""


def as_killed(folder: Path, to: Path, *, torn: bool = False) -> Path:
    """The files of the journal in `folder` as a kill would leave them now, copied into the new
    folder `to`; with the last frame of the redo log torn, if wanted.
    """
    to.mkdir()
    for file in folder.glob("isogate.db*"):
        shutil.copy(file, to / file.name)
    log = to / f"isogate.db{SUFFIXES[0]}"
    if torn:
        data = log.read_bytes().rstrip(bytes(1))
        log.write_bytes(data[:-10])
    return to


def by_hand(path: Path | str, statement: str) -> None:
    """Somebody changes charges of a journal that nobody uses, in the names of the view `charge`."""
    with closing(apsw.Connection(str(path))) as db:
        db.execute(_BY_HAND)
        db.execute(statement)
