"""What persons do with keys: components brought under dual control, keys loaded, wrapped anew.

Components and keys come here wrapped or enciphered, never in clear; a command seals what a person
types with the custody of its own process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.desk.requests import (
    BringComponent,
    DeskError,
    KeyRequest,
    LoadKey,
    Reply,
    RewrapKeys,
    TakeKeyOff,
)
from gateway.keys.port import CustodyError, CustodyUnavailableError, Enciphered
from gateway.keys.wrapped import WrappedKey, WrappedKeyError, owner_is_good
from routing.key_ceremony import Bringing, Component
from routing.key_ring import KeyPlace, RingKey

if TYPE_CHECKING:
    from gateway.clock import Clock
    from gateway.desk.floor import Floor
    from gateway.keys.port import KeyCustody
    from routing.switch import Switch

_STATUS: Final = {
    Bringing.TAKEN: 202,
    Bringing.COMPLETE: 200,
    Bringing.NO_NAME: 403,
    Bringing.SAME_PERSON: 403,
    Bringing.SAME_COMPONENT: 409,
    Bringing.OTHER_COUNT: 409,
    Bringing.TOO_MANY: 409,
}
_REFUSED: Final = 409
_UNKNOWN: Final = 404
_UNAVAILABLE: Final = 503
_REVOKED: Final = "this very key was revoked there: another is needed"


class KeyDesk:
    """The part of the desk that needs the custody."""

    def __init__(
        self, custody: KeyCustody | None, switch: Switch, floor: Floor, clock: Clock
    ) -> None:
        self._custody = custody
        self._ring, self._ceremonies = switch.keys, switch.ceremonies
        self._floor, self._clock = floor, clock

    async def do(self, request: KeyRequest, who: str) -> Reply:
        """Do what `who` asks for; durable when it returns."""
        if self._custody is None:
            raise DeskError("keys.custody = 'none': nobody keeps keys here")
        if not isinstance(request, RewrapKeys) and not owner_is_good(request.owner):
            raise DeskError("owner: at most 64 printable characters other than a colon")
        try:
            reply = await self._done(request, who, self._custody)
        except CustodyUnavailableError as error:
            reply = Reply(status=_UNAVAILABLE, said=str(error))
        except CustodyError as error:
            reply = Reply(status=_REFUSED, said=str(error))
        await self._floor.settle()
        return reply

    async def _done(self, request: KeyRequest, who: str, custody: KeyCustody) -> Reply:
        if self._ring.full and isinstance(request, BringComponent | LoadKey):
            return Reply(status=_REFUSED, said="there is no room for another key")
        if isinstance(request, BringComponent):
            return await self._bring(request, who, custody)
        if isinstance(request, LoadKey):
            return await self._load(request, who, custody)
        if isinstance(request, TakeKeyOff):
            place = KeyPlace(request.usage, request.owner, request.cipher)
            if self._ring.take_off(place, self._clock.now(), who):
                return Reply(said="taken off", facts={"key": place.name})
            return Reply(status=_UNKNOWN, said="no such key")
        return await self._rewrap(who, custody)

    async def _bring(self, request: BringComponent, who: str, custody: KeyCustody) -> Reply:
        place = KeyPlace(request.usage, request.owner, request.cipher)
        try:
            wrapped = WrappedKey.parse(request.component)
        except WrappedKeyError as error:
            raise DeskError(f"component: {error}") from None
        if wrapped.owner != request.owner or wrapped.cipher != request.cipher:
            raise DeskError("component: it was brought for another key")
        check = (await custody.check_value(wrapped)).hex().upper()
        part = Component(who, request.component, check)
        said = self._ceremonies.would_be(place, request.count, part, self._clock.now())
        facts: dict[str, object] = {"key": place.name, "component": check}
        if said is Bringing.COMPLETE:
            parts = self._ceremonies.parts_with(place, part)
            key = await custody.form_key(
                [WrappedKey.parse(each.text) for each in parts], request.usage, request.owner
            )
            # Another component may have come meanwhile: then this one is looked at anew.
            if parts != self._ceremonies.parts_with(place, part):
                return Reply(status=_REFUSED, said="somebody else came first: bring it again")
            now = self._clock.now()
            said = self._ceremonies.bring(place, request.count, part, now)
            if self._ring.was_revoked(place, key.check):
                return Reply(status=_REFUSED, said=_REVOKED)
            self._hang(key, "ceremony", who)
            facts |= {"check": key.check, "by": [each.who for each in parts]}
        elif said is Bringing.TAKEN:
            said = self._ceremonies.bring(place, request.count, part, self._clock.now())
        return Reply(status=_STATUS[said], said=said, facts=facts)

    async def _load(self, request: LoadKey, who: str, custody: KeyCustody) -> Reply:
        transport = self._ring.text("zmk", request.transport)
        if not transport:
            return Reply(status=_UNKNOWN, said=f"no ZMK of {request.transport!r}")
        try:
            data, check = bytes.fromhex(request.data), bytes.fromhex(request.check)
        except ValueError:
            raise DeskError("data and check: hexadecimal digits") from None
        if not check:
            raise DeskError("check: a key is loaded by hand with its check value only")
        key = await custody.import_key(
            WrappedKey.parse(transport),
            request.usage,
            Enciphered(data, check),
            request.cipher,
            owner=request.owner,
        )
        if self._ring.was_revoked(_place(key), key.check):
            return Reply(status=_REFUSED, said=_REVOKED)
        self._hang(key, "loaded", who)
        return Reply(said="loaded", facts={"key": _place(key).name, "check": key.check})

    async def _rewrap(self, who: str, custody: KeyCustody) -> Reply:
        under, count = "", 0
        for place, key in list(self._ring.all()):
            wrapped = await custody.rewrap(WrappedKey.parse(key.text))
            under = wrapped.under
            # Where somebody hung another key meanwhile, that one is under the present KEK.
            if self._ring.find(place) == key:
                self._ring.rewrapped(place, str(wrapped), self._clock.now(), who)
                count += 1
        return Reply(said="rewrapped", facts={"keys": count, "under": under})

    def _hang(self, key: WrappedKey, how: str, who: str) -> None:
        self._ring.hang(_place(key), ring_key(key, how), self._clock.now(), who)


def ring_key(key: WrappedKey, how: str) -> RingKey:
    """A wrapped key as it hangs on the ring."""
    return RingKey(str(key), key.check, float(key.made), how)


def _place(key: WrappedKey) -> KeyPlace:
    return KeyPlace(key.usage, key.owner, key.cipher)


async def hang_keys_of_file(
    keys: list[WrappedKey], custody: KeyCustody, switch: Switch, clock: Clock
) -> int:
    """Take the keys of `keys.file` but where one from elsewhere hangs.  Raises CustodyError."""
    taken = 0
    for key in keys:
        place = _place(key)
        there = switch.keys.find(place)
        if there is not None and (there.how != "file" or there.text == str(key)):
            continue
        if switch.keys.was_revoked(place, key.check):
            continue
        if there is None and switch.keys.full:
            raise CustodyError("keys.file: there is no room for another key")
        await custody.check_value(key)
        switch.keys.hang(place, ring_key(key, "file"), clock.now())
        taken += 1
    return taken
