"""The embedded journal: a redo log, synced at every commit, and SQLite's tables behind it.

`append` makes a batch durable as one frame of the log (`redo`); the tables take it in soon after,
with all that came meanwhile, one row for each charge (`unapplied`, `tables`).  A new life first
takes in what the last one left in the log.  Rules:

- What is durable is in the tables, or in the log and in memory: whatever is asked knows both.
- The log forgets nothing that the tables do not hold durably.
- What could refuse a batch is asked before it is durable: an identity or a number that is taken, a
  charge that nobody opened, a version out of step.  What the tables refuse later, another process
  has changed: the journal takes nothing any more.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager, suppress
from threading import Lock, RLock
from typing import TYPE_CHECKING, Any, Final

import apsw
import msgspec
from cryptography.exceptions import InvalidTag

from gateway._gaps import AT_ONCE
from gateway.journal import commits, kept
from gateway.journal.applier import Applier
from gateway.journal.ground import Ground
from gateway.journal.identities import Identities, caught_up, group_of, past
from gateway.journal.identity_table import IdentityTable
from gateway.journal.lock import LOOKS_OF_A_GATEWAY, locked
from gateway.journal.newest import Newest, terminal_of
from gateway.journal.port import FencedError, JournalError, Recovery
from gateway.journal.redo import HEAD_BYTES, FullError, RedoLog, payload_of
from gateway.journal.rows import Sorted, Written, charge_from_row
from gateway.journal.tables import Tables, reading, why
from gateway.journal.unapplied import Unapplied
from gateway.journal.vault import SALT_BYTES, Vault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from routing.batches import Batch
    from routing.charge import Charge
    from routing.conventions import Original
    from routing.effects import Record, UnsettledLookup
    from routing.records import Opened

_WRONG: Final = (OSError, OverflowError, TypeError, ValueError)
"""What comes of files that are not what this process would have written."""


class SqliteJournal:
    """The journal at one path, opened when it is made."""

    keeps_nothing = False

    def __init__(
        self,
        path: Path,
        vault: Vault,
        *,
        beside: bool = False,
        ground: Ground = Ground(),  # noqa: B008 - never changes
    ) -> None:
        """`beside`: a thread of its own brings the tables up to date, and not `append`."""
        self._path = path = path.resolve()
        self._vault = vault
        self._ground = ground
        self._epoch = 0
        self._last_id = 0
        self._versions = kept.Versions()
        self._written = Written()
        self._newest = Newest()
        self._asked: apsw.Connection | None = None
        """For `known`; opened when it is first wanted."""
        self._tables_lock = RLock()
        """Held by who uses the tables; taken before the other one."""
        self._memory_lock = Lock()
        """Held by who adds to what the tables lack, or takes it from there."""
        self._unapplied = Unapplied()
        self._halfway = Unapplied()
        """On its way to the tables, with these rows of identities, for FILL and for FILLED."""
        self._due: list[tuple[str, int]] = []
        self._up_to: list[tuple[int]] = []
        self._broken: FencedError | None = None
        self._open(ground, beside)

    def _open(self, ground: Ground, beside: bool) -> None:
        with ExitStack() as opened:
            self._lock = locked(self._path, LOOKS_OF_A_GATEWAY if beside else 1)
            opened.callback(os.close, self._lock)
            try:
                self._tables = Tables(self._path, ground.vfs)
                opened.callback(self._tables.give_up)
                self._redo = RedoLog(
                    self._path, self._tables.journal, ground.open_file, ground.file_bytes
                )
                opened.callback(self._redo.close)
                commits.take_in_what_was_left(self._redo, self._tables)
                self._identities = Identities(caught_up(self._tables.db), ground.run)
                self._looks = reading(self._path) if beside and not ground.vfs else None
                self._in_table = IdentityTable(self._looks or self._tables.db)
                self._applier = Applier(self._apply) if beside else None
            except (apsw.Error, msgspec.MsgspecError, JournalError, *_WRONG) as error:
                message = f"journal.path {self._path}: {error}"
                kind = type(error) if isinstance(error, JournalError) else JournalError
                raise kind(message) from None
            opened.pop_all()

    def start(self, wall: float, *, ended_max: int) -> Recovery:
        """Begin a new epoch and read what the last one left."""
        with self._asking() as tables:
            self._epoch = tables.begin_life(wall, self._ground.entropy(SALT_BYTES))
            tables.sync(each=False)
            for epoch, salt in tables.salts():
                self._vault.know_epoch(epoch, salt)
            last_id = self._last_id = tables.last_id()
            recovery = Recovery(
                epoch=self._epoch,
                last_id=last_id,
                last_stans=tables.last_stans(last_id),
                charges=[self._charge(row) for row in tables.open_and_newest(ended_max)],
                card_key=self._vault.card_key,
                entries=tables.pending(wall),
                kept=tables.kept(),
            )
        self._versions = kept.Versions(recovery.kept)
        return recovery

    def _charge(self, row: Sequence[Any]) -> Charge:
        """A charge that from now on is this epoch's."""
        charge = charge_from_row(row, self._vault)
        charge.epoch = self._epoch
        return charge

    # What is made durable

    def append(self, records: Sequence[Record]) -> dict[int, Charge]:
        """One frame of the log for all of `records`; returns when the disk has it."""
        if self._broken is not None:
            raise self._broken
        batch = Sorted(records)
        try:
            known = self._known_of(batch.opened)
            if known:
                batch.leave_out(known)
            versions = self._checked(batch)
            charges = self._put(batch, known)
        except FullError:
            with suppress(JournalError):
                self._apply_at_once()  # also where all is in the tables, but not yet synced
            raise
        except (apsw.Error, OSError, InvalidTag) as error:
            raise JournalError(why(self._path, error)) from None
        self._versions.took(versions)
        self._last_id = max(self._last_id, batch.last)
        self._soon(len(batch.opened))
        return charges

    def _put(self, batch: Sorted, known: dict[int, int]) -> dict[int, Charge]:
        """Make it durable; the older charges of those that are `known`."""
        try:
            frame = commits.packed(batch, self._vault, self._written)
            if len(frame) == HEAD_BYTES:
                return self._older(known, memoryview(b""))
            charges = self._older(known, memoryview(frame)[HEAD_BYTES:]) if known else {}
            number = self._redo.append(frame)
        except BaseException:
            self._written.take_back(batch.moved)
            raise
        try:
            self._written.keep()
            with self._memory_lock:
                self._unapplied.add(number, payload_of(frame), batch.others())
                self._unapplied.opens(batch.opened, self._identities.gather(batch.opened))
            self._newest.note(batch.opened)
            charges |= {each: self._one(known[each]) for each in known.keys() - charges.keys()}
        except Exception as error:
            # Durable, and memory may lack a part of it: the next life has it from the log.
            self._broken = FencedError(why(self._path, error))
            raise self._broken from None
        return charges

    def _older(self, known: dict[int, int], payload: memoryview) -> dict[int, Charge]:
        """The older charges of those that are `known`, in the journal or in this batch, of which
        this is the payload; not those that it moves, which stand so only once it is durable.
        Asked before anything is: what fails then, has left nothing.
        """
        batch = Unapplied()
        batch.add(0, payload, ((), (), ()))
        return {
            number: self._charge(batch.row(older)) if batch.holds(older) else self._one(older)
            for number, older in known.items()
            if batch.holds(older) or not batch.touches(older)
        }

    def _known_of(self, opened: Sequence[Opened]) -> dict[int, int]:
        """New charges whose identity another one has, in the journal or among them, and these."""
        known: dict[int, int] = {}
        new: dict[str, int] = {}
        for record in opened:
            identity = record.charge.identity
            older = new.get(identity)
            if older is None and not self._newest.is_new(record):
                older = self._looked_up(identity)
            if older is None:
                new[identity] = record.id
            else:
                known[record.id] = older
        return known

    def _looked_up(self, identity: str) -> int | None:
        """The charge with this identity; where there is none, others like it are new as well."""
        if self._newest.lacks(identity):
            greatest = self._in_table.greatest_of(terminal_of(identity) + "|")
            self._newest.remember(identity, greatest)
            if self._newest.is_past(identity):
                return None
        older = self._id_of(identity)
        if older is None:
            before = self._identities.next(identity, past(group_of(identity)))
            self._newest.goes_on(identity, self._in_table.next(identity, before))
        return older

    def _id_of(self, identity: str) -> int | None:
        """The charge with this identity: memory first, as what leaves it is in the table before."""
        older = self._identities.of(identity)
        return self._in_table.of(identity) if older is None else older

    def _checked(self, batch: Sorted) -> dict[tuple[str, str], int]:
        """The new versions of what is kept.  Raises JournalError where tables would refuse it."""
        if batch.first <= self._last_id and any(self._has(each.id) for each in batch.opened):
            message = f"journal.path {self._path}: a charge's number is taken"
            raise JournalError(message)
        if not all(0 <= each.id < 1 << 63 for each in batch.noted):
            message = f"journal.path {self._path}: an entry of a charge that there can't be"
            raise FencedError(message)
        if batch.last_moved > max(self._last_id, batch.last):
            message = f"journal.path {self._path}: charge {batch.last_moved} was never opened"
            raise JournalError(message)
        return self._versions.next(batch.kept)

    def _has(self, number: int) -> bool:
        with AT_ONCE, self._tables_lock:
            held = self._unapplied.holds(number) or self._halfway.holds(number)
            return held or self._tables.one(number) is not None

    # What the tables take in

    def _soon(self, opened: int) -> None:
        """Have the tables brought up to date; at once, if it must not wait."""
        redo = self._redo
        if self._applier is not None:
            self._applier.tell(opened=opened, soon=redo.wants_room, hurries=redo.needs_room)
            must = redo.overruns  # better a commit that takes longer than a log that is full
        else:
            must = redo.number - self._tables.number >= self._ground.apply_each
        if must:
            try:
                self._apply_at_once()
            except FencedError:
                raise
            except JournalError:
                return  # it is durable, and later commits try again

    def _apply_at_once(self) -> None:
        """Whoever works in gaps on it does not make the caller wait for them."""
        with AT_ONCE:
            self._apply()

    def _apply(self) -> None:
        """The tables hold all that was durable at the call.  Raises JournalError."""
        with self._tables_lock:
            if self._broken is not None:
                raise self._broken  # the log keeps it all for the next life
            try:
                if self._halfway.number:
                    self._apply_halfway()
                with self._memory_lock:
                    self._halfway, self._unapplied = self._unapplied, Unapplied()
                if not self._halfway.number and self._redo.wants_room:
                    self._halfway.add(self._tables.number, memoryview(b""), ((), (), ()))
                if self._halfway.number:
                    # Once for each: what failed may be in the tables all the same, with these.
                    self._due = self._identities.due(self._halfway.opened, self._halfway.last)
                    self._up_to = self._identities.up_to()
                    self._apply_halfway()
            except FencedError as error:
                self._broken = type(error)(f"journal.path {self._path}: {error}")
                raise self._broken from None
            except JournalError:
                raise
            except apsw.Error as error:
                raise JournalError(why(self._path, error)) from None
            except Exception as error:
                self._broken = FencedError(why(self._path, error))
                raise self._broken from None

    def _apply_halfway(self) -> None:
        work, durably = self._halfway, self._redo.wants_room
        self._tables.sync(each=durably)
        synced = self._tables.apply(work, work.late + self._due, self._up_to)
        self._identities.wrote(work.late, self._due, self._up_to)
        self._halfway = Unapplied()
        if durably and not synced:
            message = f"journal.path {self._path}: what the tables took in was not synced"
            raise JournalError(message)
        if durably:
            self._redo.in_tables(work.number)

    @contextmanager
    def _asking(self) -> Iterator[Tables]:
        """The tables, complete.  Raises JournalError."""
        try:
            with AT_ONCE, self._tables_lock:
                self._apply()
                yield self._tables
        except (apsw.Error, InvalidTag) as error:
            raise JournalError(why(self._path, error)) from None

    # What is asked

    def find(self, wanted: Original | int | str) -> Charge | None:
        """The charge with this id, or the newest whose identity starts as an original says."""
        try:
            if isinstance(wanted, int):
                row = self._row(wanted) if 0 < wanted < 1 << 63 else None
                return None if row is None else self._charge(row)
            if isinstance(wanted, str):
                number = self._id_of(wanted)
                return None if number is None else self._one(number)
            # Memory first, as in `_id_of`.
            numbers = {*self._identities.beginning(wanted.prefix)}
            numbers.update(self._in_table.beginning(wanted.prefix))
            charges = map(self._one, sorted(numbers, reverse=True))
            return next((charge for charge in charges if wanted.names(charge)), None)
        except (apsw.Error, InvalidTag) as error:
            raise JournalError(why(self._path, error)) from None

    def _row(self, number: int) -> Sequence[Any] | None:
        """As it stands; tables that take nothing in matter only to charges that wait for them."""
        with AT_ONCE, self._tables_lock:
            if self._unapplied.touches(number) or self._halfway.touches(number):
                self._apply()
            return self._tables.one(number)

    def _one(self, number: int) -> Charge:
        """The charge with this id.  Raises JournalError if there is none."""
        row = self._row(number)
        if row is None:
            message = f"journal.path {self._path}: charge {number} is gone, its identity is not"
            raise JournalError(message)
        return self._charge(row)

    def known(self, identities: Sequence[str]) -> set[str]:
        """Which of these identities a charge has; may be asked while `append` is under way."""
        # Memory first, as in `_id_of`.
        held = {each for each in identities if self._identities.of(each) is not None}
        try:
            if self._asked is None and not self._ground.vfs:
                self._asked = reading(self._path)
            return held | IdentityTable(self._asked or self._tables.db).which(identities)
        except apsw.Error as error:
            raise JournalError(why(self._path, error)) from None

    def batch(self, wanted: Batch) -> list[Charge]:
        """The charges, voids and refunds of a terminal's batch, oldest first."""
        with self._asking() as tables:
            rows = tables.batch(wanted.terminal, wanted.number, wanted.merchant)
            return [self._charge(row) for row in rows]

    def unsettled(self, wanted: UnsettledLookup) -> tuple[int, int]:
        """Count and money of a merchant's charges with a batch number, in these states, that came
        after those which their terminals settled last.
        """
        count = money = 0
        with self._asking() as tables:
            for terminal, after in wanted.after:
                more, amount = tables.unsettled(terminal, wanted.merchant, after, wanted.states)
                count, money = count + more, money + amount
        return count, money

    def log_bytes(self) -> tuple[int, int]:
        """Of the file that is written: past the most, commits fail until the tables catch up."""
        return self._redo.used, self._redo.used_max

    def close(self) -> None:
        """Bring the tables up to date, close the files and give up the lock."""
        if self._applier is not None:
            self._applier.close()
        with suppress(JournalError):  # the log keeps it, and the next life takes it in
            self._apply()
        for each in (self._asked, self._looks):
            if each is not None:
                each.close()
        self._tables.close()
        self._redo.close()
        os.close(self._lock)
