"""Which answer belongs to which request: the keys in flight towards one host.

Rule 1.  A key (by dialect; in ISO 8583:1987 STAN and DE 7 as sent) has one owner at a time.  It is
         never handed out again while its owner waits, nor while a late answer may still come.
Rule 2.  An answer is one only if its echoed fields equal the request's; anything else is no answer.
Rule 3.  When no key is free, nothing is sent: the caller answers 91.
Rule 4.  New requests stop at `NEW_SHARE` of the keys.  The rest is for what gives money back, which
         new charges would else keep waiting by taking each key that is freed.

A key of digits is a number, see `key_table`; any other is a text with bars between its parts.  What
has the same parts is the same key.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias

from codec import FieldSet, kept
from routing.key_table import STAN_DIGITS, KeyTable, parts_of

if TYPE_CHECKING:
    from codec import Message
    from codec.kept import Fields
    from routing.charge import Charge
    from routing.enquiry import Enquiry

    Owner: TypeAlias = Charge | Enquiry
    Key: TypeAlias = int | str

ECHOED: Final = (3, 4, 7, 11, 41, 42, 49)
"""Fields that an answer, where it has them, must bring back unchanged."""

STANS: Final = 999_999
_STANS: Final = STANS
_STAN_DIGITS: Final = STAN_DIGITS
NEW_SHARE: Final = 0.9
"""The share of a host's keys (`host.pending_max`) that new requests may take."""
_THREE_DIGITS: Final = [f"{number:03d}" for number in range(1_000)]
"""To be joined: that costs a fraction of what formatting a number does."""
NEAR_AMONG: Final = 1_000
"""The newest keys that are looked through for one that nearly fits an answer that fits none."""
_STAN: Final = 1
"""Which part of a key it is."""
_ECHOED: Final = FieldSet(ECHOED)
_STAN_FIELD: Final = 11
_TIME_FIELD: Final = 7
_AMOUNT: Final = 4
_AMOUNT_DIGITS: Final = 12


class NoFreeKeyError(Exception):
    """Every key that could be used is in flight or in quarantine."""


class PendingKeys:
    """Keys in flight towards one host, and keys that a late answer may still carry."""

    def __init__(
        self, *, first_stan: int, pending_max: int, quarantine_s: float, stan_digits: int = 6
    ) -> None:
        self._last_stan = first_stan
        self._stan_digits = stan_digits
        self.change(pending_max, quarantine_s)
        self._numbered = KeyTable()
        self._owners: dict[str, Owner] = {}
        """Of keys that are texts."""
        self._leaving: deque[tuple[float, Key]] = deque()
        self._late: dict[Key, float] = {}

    def __len__(self) -> int:
        return self._count()

    def _count(self) -> int:
        return self._numbered.count + len(self._owners)

    def change(self, pending_max: int, quarantine_s: float) -> None:
        """Other bounds for what comes from now on."""
        self._pending_max = pending_max
        self._new_max = max(min(int(pending_max * NEW_SHARE), pending_max - 1), 1)
        self._quarantine_s = quarantine_s

    def in_flight(self) -> int:
        """How many wait for an answer now, without those that may only get a late one."""
        return self._count() - len(self._late)

    def next_number(self) -> int:
        """The next STAN in turn, never zero."""
        number = self._last_stan + 1 if self._last_stan < _STANS else 1
        self._last_stan = number
        return number

    def next_stan(self) -> str:
        """The same as it is written: of six digits, with zeros before them if need be."""
        number = self.next_number()
        high, low = _THREE_DIGITS[number // 1_000], _THREE_DIGITS[number % 1_000]
        stan = high + low
        return stan if self._stan_digits == _STAN_DIGITS else stan.zfill(self._stan_digits)

    def is_free_for(self, key: Key, owner: Owner) -> bool:
        """Whether `claim` would succeed."""
        known = self.owner(key)
        return known is owner or (known is None and self._count() < self._pending_max)

    def claim(self, key: Key, owner: Owner) -> None:
        """Tie `key` to `owner`, or keep it tied.  Raises NoFreeKeyError when another has it, or
        when the table is full.
        """
        if not self.is_free_for(key, owner):
            raise NoFreeKeyError
        if not isinstance(key, int):
            self._owners[key] = owner
        elif self._numbered.owner(key) is None:
            self._numbered.give(key, owner)
        if self._late:
            self._late.pop(key, None)

    def is_full(self) -> bool:
        """Whether there is no key for a new request."""
        return self._count() >= self._new_max

    def take_new(self, key: Key, owner: Owner) -> bool:
        """Tie `key` to a new request, where that can be."""
        if self.is_full():
            return False
        if isinstance(key, int):
            return self.take_number(key, owner)
        return self._owners.setdefault(key, owner) is owner

    def take_number(self, key: int, owner: Owner) -> bool:
        """The same of a key that is a number, for who has it as such."""
        if self.is_full():
            return False
        known = self._numbered.owner(key)
        if known is None:
            self._numbered.give(key, owner)
        return known is None or known is owner

    def claim_new(self, key: Key, owner: Owner) -> None:
        """`claim` for a new request: some keys are not for those."""
        if not self.take_new(key, owner):
            raise NoFreeKeyError

    def owner(self, key: Key) -> Owner | None:
        """Who waits for an answer with this key, or waited until a short while ago."""
        return self.owner_of(key) if isinstance(key, int) else self._owners.get(key)

    def owner_of(self, key: int) -> Owner | None:
        """The same of a key that is a number, for who has it as such."""
        known: Owner | None = self._numbered.owner(key)
        return known

    def nearly(self, key: Key) -> int | None:
        """Which part of `key` alone keeps it from that of a request with the same STAN."""
        parts = parts_of(key) if isinstance(key, int) else key.split("|")
        stan = parts[_STAN]
        near = self._numbered.with_stan(int(stan)) if stan.isascii() and stan.isdigit() else []
        texts = islice(reversed(self._owners), NEAR_AMONG)
        alike = [each.split("|") for each in texts if stan in each]
        for known in (*map(parts_of, near), *alike):
            differing = [at for at, part in enumerate(known) if part != parts[at]]
            if len(differing) == 1 and differing[0] != _STAN:
                return differing[0]
        return None

    def release(self, key: Key) -> None:
        """The answer came: the key is free again (STANs in turn keep it apart from a repeat)."""
        if isinstance(key, int):
            self.release_number(key)
            return
        self._owners.pop(key, None)
        self._late.pop(key, None)

    def release_number(self, key: int) -> None:
        """The same of a key that is a number, for who has it as such."""
        if self._numbered.free(key):
            self._late.pop(key, None)

    def quarantine(self, key: Key, now: float) -> None:
        """Nobody waits any more, but a late answer may come: keep the owner for the record."""
        if self.owner(key) is not None and key not in self._late:
            until = self._late[key] = now + self._quarantine_s
            self._leaving.append((until, key))
            if isinstance(key, int):
                self._numbered.mark(key)

    def expire(self, now: float) -> None:
        """Free the keys whose quarantine is over."""
        while self._leaving and self._leaving[0][0] <= now:
            until, key = self._leaving.popleft()
            if self._late.get(key) == until:
                self.release(key)


def differing_field(
    request: Fields | dict[int, str],
    stan: str,
    de7: str,
    answer: Message,
    partial: bool = False,
) -> int | None:
    """The first echoed field in which `answer` differs from what was sent; None if none does.

    `stan` and `de7` are the request's where `request` does not say them.  A `partial` approval may
    carry a smaller amount.
    """
    fields = request if isinstance(request, kept.Fields) else None
    said = fields is not None and fields.agrees(_ECHOED, answer)
    # Nearly always; left are the two that it may not say.
    if said and answer.holds(_STAN_FIELD, stan) and (not de7 or answer.holds(_TIME_FIELD, de7)):
        return None
    for de in ECHOED:
        number = de
        known = stan if number == _STAN_FIELD else de7 if number == _TIME_FIELD else ""
        sent = known or request.get(de)
        if not sent or answer.holds(number, sent) or not answer.has(number):
            continue
        if number == _AMOUNT and partial and _is_part(answer[number], sent):
            continue
        return number
    return None


def _is_part(amount: str, whole: str) -> bool:
    """Whether `amount` is more than nothing and not more than `whole`.  Both have 12 digits, and
    some dialects have the currency before them.
    """
    currency, digits = amount[:-_AMOUNT_DIGITS], amount[-_AMOUNT_DIGITS:]
    is_number = digits.isascii() and digits.isdigit()
    return (
        is_number
        and currency == whole[:-_AMOUNT_DIGITS]
        and "0" * _AMOUNT_DIGITS < digits <= whole[-_AMOUNT_DIGITS:]
    )
