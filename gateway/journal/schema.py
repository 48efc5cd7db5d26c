"""The tables of the embedded journal, and how an older version's become this one's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from gateway.journal.port import JournalError
from gateway.journal.rows import IN_MOVED, IN_OPENED, LISTED, UNMOVED

if TYPE_CHECKING:
    import apsw

SCHEMA_VERSION: Final = 11
_json: Final = msgspec.json.Encoder().encode
_read: Final = msgspec.msgpack.Decoder(dict[int, str] | tuple[int, ...] | None).decode
_IS_OPEN: Final = " OR ".join(f"state = '{state}'" for state in sorted(LISTED))
_OPEN_INDEX: Final = f"CREATE INDEX charge_open ON charge (state) WHERE {_IS_OPEN};"
"""Of older versions."""

_DOCKET: Final = """
CREATE TABLE entry (
    id INTEGER PRIMARY KEY, charge INTEGER NOT NULL, epoch INTEGER NOT NULL, at REAL NOT NULL,
    kind TEXT NOT NULL, key TEXT NOT NULL, who TEXT NOT NULL, said TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX entry_key ON entry (kind, key) WHERE key <> '';
CREATE INDEX entry_charge ON entry (charge) WHERE charge <> 0;
CREATE INDEX entry_kind ON entry (kind, at);
"""
_BESIDE: Final = """
CREATE TABLE kept (
    kind TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, at REAL NOT NULL,
    epoch INTEGER NOT NULL, data TEXT NOT NULL, PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY, at REAL NOT NULL, epoch INTEGER NOT NULL, kind TEXT NOT NULL,
    subject TEXT NOT NULL, who TEXT NOT NULL, said TEXT NOT NULL, hash BLOB NOT NULL
) STRICT;
CREATE TRIGGER audit_grows_at_its_end BEFORE INSERT ON audit
    WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM audit)
    BEGIN SELECT RAISE(ABORT, 'the audit log grows at its end only'); END;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_not_cut BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
"""
_STEPS_OF: Final = """
CREATE VIEW step AS SELECT
    whole.id AS charge, one.key AS number, one.value ->> 0 AS epoch, one.value ->> 1 AS at,
    one.value ->> 2 AS event, one.value ->> 3 AS before, one.value ->> 4 AS after,
    one.value ->> 5 AS reason, one.value ->> 6 AS code
FROM {} AS whole, json_each('[' || rtrim(whole.steps, ',') || ']') AS one;
"""
"""What a charge went through stands in its own row, as JSON with a comma behind each step: nothing
is cheaper to write than what is appended to a row that is written anyway."""
_STEPS_MOVE_IN: Final = """
ALTER TABLE charge ADD COLUMN steps TEXT NOT NULL DEFAULT '';
ALTER TABLE charge ADD COLUMN sent_on TEXT NOT NULL DEFAULT '';
UPDATE charge SET steps = coalesce((
    SELECT group_concat(json_array(epoch, at, event, before, after, reason, code) || ',', ''
        ORDER BY epoch, number) FROM step WHERE step.charge = charge.id), '');
DROP TABLE step;
"""
_NAMED: Final = ",".join(
    (
        "opened ->> 0 AS pan_epoch",
        *(f"opened ->> {at} AS {name}" for at, name in enumerate(IN_OPENED) if name != "epoch"),
        *(f"moved ->> {at} AS {name}" for at, name in enumerate(IN_MOVED)),
    )
)
_CHARGES: Final = f"""
CREATE TABLE charge_record (
    id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'SENT',
    updated_at REAL NOT NULL DEFAULT 0, open INTEGER NOT NULL DEFAULT 1, identity TEXT NOT NULL,
    host TEXT NOT NULL, terminal TEXT NOT NULL, batch TEXT NOT NULL, pan_sealed BLOB NOT NULL,
    opened TEXT NOT NULL, moved TEXT NOT NULL DEFAULT '{UNMOVED}', steps TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE VIEW charge AS SELECT
    id, epoch, state, updated_at, open, identity, host, terminal, batch, pan_sealed, {_NAMED}, steps
FROM charge_record;
{_STEPS_OF.format("charge_record")}
"""  # noqa: S608 - names of ours only
"""A column costs each charge several hundred instructions, so what is looked up or changes by
itself has one; the rest lies in two JSON arrays, and the view `charge` names everything."""
_CHARGE_INDEXES: Final = """
CREATE INDEX charge_open ON charge_record (open) WHERE open;
CREATE INDEX charge_batch ON charge_record (terminal, batch) WHERE batch <> '';
"""
_IDENTITIES: Final = """
CREATE TABLE charge_identity (identity TEXT PRIMARY KEY, id INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE identified (up_to INTEGER NOT NULL) STRICT;
INSERT INTO identified VALUES (0);
"""
"""Filled behind the charges (see `gateway.journal.identities`)."""
_APPLIED: Final = """
CREATE TABLE applied (number INTEGER NOT NULL, journal INTEGER NOT NULL) STRICT;
INSERT INTO applied VALUES (0, random());
"""
"""Up to which commit of the redo log these tables hold everything, and the number by which the log
knows them (see `gateway.journal.redo`)."""
_SCHEMA: Final = f"""
CREATE TABLE epoch (
    epoch INTEGER PRIMARY KEY, started_at REAL NOT NULL, salt BLOB NOT NULL
) STRICT;
{_CHARGES}
{_CHARGE_INDEXES}
{_IDENTITIES}
{_DOCKET}
{_BESIDE}
{_APPLIED}
"""
_UNPACKED: Final = "json(unpacked({}))"
_AS_JSON: Final = {
    "epoch": "pan_epoch",
    "approval_held": "json(iif(approval_held, 'true', 'false'))",
    **{name: _UNPACKED.format(name) for name in ("sent", "answer", "echoed")},
}
_RECORDS: Final = f"""
DROP VIEW step;
ALTER TABLE charge RENAME TO wide;
DROP INDEX charge_identity;
DROP INDEX charge_open;
DROP INDEX charge_batch;
{_CHARGES}
INSERT INTO charge_record SELECT
    id, epoch, state, updated_at, ({_IS_OPEN}), identity, host, terminal, batch, pan_sealed,
    json_array({",".join(_AS_JSON.get(name, name) for name in IN_OPENED)}),
    json_array({",".join(_AS_JSON.get(name, name) for name in IN_MOVED)}), steps
FROM wide ORDER BY id;
DROP TABLE wide;
{_CHARGE_INDEXES}
"""  # noqa: S608 - the same
_MIGRATIONS: Final = {
    1: f"""
ALTER TABLE charge ADD COLUMN kind TEXT NOT NULL DEFAULT 'sale';
ALTER TABLE charge ADD COLUMN original_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE charge ADD COLUMN stood TEXT NOT NULL DEFAULT '';
ALTER TABLE charge ADD COLUMN given_back INTEGER NOT NULL DEFAULT 0;
ALTER TABLE charge ADD COLUMN keeps INTEGER NOT NULL DEFAULT 0;
ALTER TABLE charge ADD COLUMN settled_on TEXT NOT NULL DEFAULT '';
DROP INDEX charge_open;
{_OPEN_INDEX}
CREATE INDEX charge_batch ON charge (terminal, batch) WHERE batch <> '';
""",
    2: f"""
ALTER TABLE charge ADD COLUMN operator TEXT NOT NULL DEFAULT '';
{_DOCKET}
""",
    3: _BESIDE,
    4: f"DROP INDEX charge_open; {_OPEN_INDEX}",
    5: f"{_STEPS_MOVE_IN} {_STEPS_OF.format('charge')}",
    6: """
ALTER TABLE charge ADD COLUMN account TEXT NOT NULL DEFAULT '';
ALTER TABLE charge ADD COLUMN channel TEXT NOT NULL DEFAULT '';
""",
    7: _RECORDS,
    8: f"DROP INDEX IF EXISTS charge_identity; {_IDENTITIES}",
    9: _APPLIED,
    10: "",  # the redo log's frames are other ones, which an older gateway would not see
}
"""What makes a journal of this version one of the next."""


class VersionError(JournalError):
    """The file was written by a version of the gateway that this one can't follow."""


def version_of(db: apsw.Connection) -> int:
    """The schema that a file was written in; 0: none yet."""
    (version,) = next(db.execute("PRAGMA user_version"))
    return int(version)


def bring_up_to_date(db: apsw.Connection) -> None:
    """Make the tables, or those of an older version into this one's; all or nothing."""
    version = version_of(db)
    if version > SCHEMA_VERSION:
        message = f"it is of schema {version}, and this gateway knows {SCHEMA_VERSION}"
        raise VersionError(message)
    if version == SCHEMA_VERSION:
        return
    db.create_scalar_function("unpacked", _unpacked, 1, deterministic=True)
    with db:
        if version == 0:
            db.execute(_SCHEMA)
        for old in range(version, SCHEMA_VERSION) if version else ():
            db.execute(_MIGRATIONS[old])
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _unpacked(*packed: Any) -> str:
    """Fields as they lay in the rows of older versions, as JSON."""
    said: bytes = _json(_read(packed[0]))
    return said.decode()
