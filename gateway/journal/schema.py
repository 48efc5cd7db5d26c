"""The tables of the embedded journal, and how an older version's become this one's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.journal.port import JournalError
from routing.charge import OPEN_STATES, State

if TYPE_CHECKING:
    import apsw

SCHEMA_VERSION: Final = 7
IS_OPEN: Final = " OR ".join(f"state = '{state}'" for state in sorted(OPEN_STATES | {State.CASE}))
"""In the words of the index, which is used for no others.  As `state IN (...)` it would have SQLite
fill a table in memory each time that a row is written."""
_OPEN_INDEX: Final = f"CREATE INDEX charge_open ON charge (state) WHERE {IS_OPEN};"

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
_STEPS: Final = """
CREATE VIEW step AS SELECT
    charge.id AS charge, one.key AS number, one.value ->> 0 AS epoch, one.value ->> 1 AS at,
    one.value ->> 2 AS event, one.value ->> 3 AS before, one.value ->> 4 AS after,
    one.value ->> 5 AS reason, one.value ->> 6 AS code
FROM charge, json_each('[' || rtrim(charge.steps, ',') || ']') AS one;
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
_SCHEMA: Final = f"""
CREATE TABLE epoch (
    epoch INTEGER PRIMARY KEY, started_at REAL NOT NULL, salt BLOB NOT NULL
) STRICT;
CREATE TABLE charge (
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
CREATE UNIQUE INDEX charge_identity ON charge (identity);
{_OPEN_INDEX}
CREATE INDEX charge_batch ON charge (terminal, batch) WHERE batch <> '';
{_STEPS}
{_DOCKET}
{_BESIDE}
"""
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
    5: f"{_STEPS_MOVE_IN} {_STEPS}",
    6: """
ALTER TABLE charge ADD COLUMN account TEXT NOT NULL DEFAULT '';
ALTER TABLE charge ADD COLUMN channel TEXT NOT NULL DEFAULT '';
""",
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
    with db:
        if version == 0:
            db.execute(_SCHEMA)
        for old in range(version, SCHEMA_VERSION) if version else ():
            db.execute(_MIGRATIONS[old])
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
