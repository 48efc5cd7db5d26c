"""Journals as older versions of the gateway wrote them, made of this version's."""

from __future__ import annotations

import struct
import zlib
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import apsw
import msgspec

from gateway.journal.redo import SUFFIXES

if TYPE_CHECKING:
    from pathlib import Path

_OLD_OPEN_LIST: Final = "'APPROVED','CASE','DELIVERED','DELIVERY_UNKNOWN','REVERSAL_DUE','SENT'"
_TO_10: Final = "PRAGMA user_version = 10"
_TO_9: Final = """
DROP TABLE applied;
PRAGMA user_version = 9;
"""
_TO_8: Final = """
DROP TABLE charge_identity;
DROP TABLE identified;
CREATE UNIQUE INDEX charge_identity ON charge_record (identity);
PRAGMA user_version = 8;
"""
_TO_7: Final = """
CREATE TABLE wide (
    id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, opened_at REAL NOT NULL,
    identity TEXT NOT NULL, dialect TEXT NOT NULL, listener TEXT NOT NULL, mti TEXT NOT NULL,
    merchant TEXT NOT NULL, terminal TEXT NOT NULL, stan TEXT NOT NULL, batch TEXT NOT NULL,
    de7 TEXT NOT NULL, processing_code TEXT NOT NULL, amount INTEGER NOT NULL,
    currency TEXT NOT NULL, proof TEXT NOT NULL, window_s REAL NOT NULL, host TEXT NOT NULL,
    host_stan TEXT NOT NULL, host_de7 TEXT NOT NULL, sent BLOB NOT NULL,
    sent_header TEXT NOT NULL, sent_on TEXT NOT NULL DEFAULT '',
    pan_sealed BLOB NOT NULL, pan_epoch INTEGER NOT NULL, pan_hash BLOB NOT NULL,
    state TEXT NOT NULL DEFAULT 'SENT', updated_at REAL NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '', remark TEXT NOT NULL DEFAULT '',
    code TEXT NOT NULL DEFAULT '', rrn TEXT NOT NULL DEFAULT '',
    approval_code TEXT NOT NULL DEFAULT '', answer BLOB NOT NULL DEFAULT x'C0',
    echoed BLOB NOT NULL DEFAULT x'90', approved_amount INTEGER NOT NULL DEFAULT 0,
    approval_held INTEGER NOT NULL DEFAULT 0, proof_restarts INTEGER NOT NULL DEFAULT 0,
    reversal_stan TEXT NOT NULL DEFAULT '', reversal_de7 TEXT NOT NULL DEFAULT '',
    reversal_since REAL NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
    repeats_answered INTEGER NOT NULL DEFAULT 0,
    kind TEXT NOT NULL DEFAULT 'sale', original_id INTEGER NOT NULL DEFAULT 0,
    stood TEXT NOT NULL DEFAULT '', given_back INTEGER NOT NULL DEFAULT 0,
    keeps INTEGER NOT NULL DEFAULT 0, settled_on TEXT NOT NULL DEFAULT '',
    operator TEXT NOT NULL DEFAULT '', steps TEXT NOT NULL DEFAULT '',
    account TEXT NOT NULL DEFAULT '', channel TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO wide SELECT
    id, epoch, opened_at, identity, dialect, listener, mti, merchant, terminal, stan, batch, de7,
    processing_code, amount, currency, proof, window_s, host, host_stan, host_de7,
    packed(sent, 1), sent_header, sent_on, pan_sealed, pan_epoch, x'', state, updated_at, reason,
    remark, code, rrn, approval_code, packed(answer, 1), packed(echoed, 0), approved_amount,
    approval_held, proof_restarts, reversal_stan, reversal_de7, reversal_since, attempts,
    repeats_answered, kind, original_id, stood, given_back, keeps, settled_on, operator, steps,
    account, channel
FROM charge;
DROP VIEW step;
DROP VIEW charge;
DROP TABLE charge_record;
ALTER TABLE wide RENAME TO charge;
CREATE UNIQUE INDEX charge_identity ON charge (identity);
CREATE INDEX charge_open ON charge (state) WHERE state = 'SENT' OR state = 'APPROVED';
CREATE INDEX charge_batch ON charge (terminal, batch) WHERE batch <> '';
CREATE VIEW step AS SELECT
    charge.id AS charge, one.key AS number, one.value ->> 0 AS epoch, one.value ->> 1 AS at,
    one.value ->> 2 AS event, one.value ->> 3 AS before, one.value ->> 4 AS after,
    one.value ->> 5 AS reason, one.value ->> 6 AS code
FROM charge, json_each('[' || rtrim(charge.steps, ',') || ']') AS one;
PRAGMA user_version = 7;
"""
_TO_5: Final = """
CREATE TABLE steps (
    charge INTEGER NOT NULL, epoch INTEGER NOT NULL, number INTEGER NOT NULL, at REAL NOT NULL,
    event TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL, reason TEXT NOT NULL,
    code TEXT NOT NULL, PRIMARY KEY (charge, epoch, number)
) STRICT, WITHOUT ROWID;
INSERT INTO steps SELECT charge, epoch, number, at, event, before, after, reason, code FROM step;
DROP VIEW step;
ALTER TABLE steps RENAME TO step;
ALTER TABLE charge DROP COLUMN steps;
ALTER TABLE charge DROP COLUMN sent_on;
ALTER TABLE charge DROP COLUMN account;
ALTER TABLE charge DROP COLUMN channel;
PRAGMA user_version = 5;
"""
_TO_1: Final = f"""
ALTER TABLE charge DROP COLUMN kind;
ALTER TABLE charge DROP COLUMN original_id;
ALTER TABLE charge DROP COLUMN stood;
ALTER TABLE charge DROP COLUMN given_back;
ALTER TABLE charge DROP COLUMN keeps;
ALTER TABLE charge DROP COLUMN settled_on;
ALTER TABLE charge DROP COLUMN operator;
DROP INDEX charge_open;
DROP INDEX charge_batch;
CREATE INDEX charge_open ON charge (state) WHERE state IN ({_OLD_OPEN_LIST});
DROP TABLE entry;
DROP TABLE kept;
DROP TABLE audit;
PRAGMA user_version = 1;
"""

_DOWN: Final = {10: _TO_10, 9: _TO_9, 8: _TO_8, 7: _TO_7, 5: _TO_5, 1: _TO_1}


def back_to(version: int, path: Path) -> None:
    """Make the closed journal at `path` one of 10, 9, 8, 7, 5 or 1."""
    for suffix in SUFFIXES:
        path.with_name(path.name + suffix).unlink()
    with closing(apsw.Connection(str(path))) as db:
        db.create_scalar_function("packed", _packed, 2)
        for older, statements in _DOWN.items():
            if version <= older:
                db.execute(statements)


def frame_of_10(journal: int, number: int, payload: Any) -> bytes:
    """A commit in the redo log of a journal of version 10: rows of charges that were opened, of
    steps, and three lists of what was written beside.
    """
    said = msgspec.msgpack.encode(payload)
    checked = struct.pack("<IIQQ", len(said), 0, journal, number) + said
    frame = b"isoR" + struct.pack("<I", zlib.crc32(checked)) + checked
    return frame + bytes(-len(frame) % 4_096)


def _packed(text: str | None, by_number: int) -> bytes:
    read: Any = None if text is None else msgspec.json.decode(text)
    if by_number and read is not None:
        read = {int(number): value for number, value in read.items()}
    return msgspec.msgpack.encode(read)
