"""Carries out what routing wants of whoever keeps the keys, beside the turns.

A security module answers when it answers: no turn and no commit waits for it.  Several pieces of
work are under way at a time, each terminal's one after the other (routing sees to that).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio

from gateway.config_macs import SM4_INSTEAD
from gateway.keys.module_mac import ModuleMac
from gateway.keys.port import CustodyError, Layout, MacScheme
from gateway.keys.wrapped import WrappedKey, WrappedKeyError
from routing.accounts.new_card import UNREADABLE
from routing.effects import CardWork, IssuedKeys, KeyWork
from routing.sign_in import Till

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from codec import MacKey
    from gateway.card_door import CardDoor
    from gateway.config_macs import Mac
    from gateway.keys.port import KeyCustody
    from gateway.pipeline import Pipeline
    from gateway.terminal_keys import TerminalKeys
    from gateway.tools import Tools
    from routing.effects import ForgetKeys, NewWorkingKeys
    from routing.sign_in import Session

WAITING_MAX: Final = 2_000
"""Pieces of work that wait; further ones are told that it can't be done."""
AT_ONCE: Final = 16
"""Pieces under way at a time."""


class KeyWorkers:
    """Takes key work and brings its results back."""

    def __init__(
        self,
        custody: KeyCustody | None,
        macs: Mapping[str, Mac],
        keys: TerminalKeys,
        tools: Tools,
    ) -> None:
        """`macs` says how messages are authenticated, by listener."""
        self._custody, self._macs, self._keys = custody, macs, keys
        self._clock, self._log = tools.clock, tools.log
        self._to, self._from = trio.open_memory_channel[KeyWork | CardWork](WAITING_MAX)
        self.cards: CardDoor | None = None
        """Who opens the numbers of settlement cards, where there is a bank to tell."""
        self.failed = 0
        """Pieces of work that could not be done."""

    def ask(self, work: KeyWork | CardWork) -> None:
        """Have it done."""
        try:
            self._to.send_nowait(work)
        except trio.WouldBlock:
            self._give_up(work)

    def waiting(self) -> int:
        """How many pieces wait."""
        return self._to.statistics().current_buffer_used

    async def run(self, pipeline: Pipeline) -> None:
        """Piece after piece, for ever."""
        async with trio.open_nursery() as nursery:
            for _ in range(AT_ONCE):
                nursery.start_soon(self._work, pipeline)

    async def _work(self, pipeline: Pipeline) -> None:
        async for work in self._from.clone():
            if isinstance(work, CardWork):
                await self._open(work)
                pipeline.kick()
                continue
            try:
                issued, key = await self._new_keys(work.what)
            except (CustodyError, WrappedKeyError) as error:
                self._log.error("no working keys", merchant=work.what.merchant, why=str(error))
                self._give_up(work)
            else:
                if work.done(issued, self._clock.now()):
                    self._keys.given(Till(work.what.merchant, work.what.terminal), key)
            pipeline.kick()

    async def _open(self, work: CardWork) -> None:
        card = UNREADABLE if self.cards is None else await self.cards.opened(work.what)
        work.done(card, self._clock.now())

    def forget(self, revoked: ForgetKeys) -> None:
        """A terminal's keys were revoked, durably: no message is checked with them any more."""
        self._keys.forget(Till(revoked.merchant, revoked.terminal))

    def _give_up(self, work: KeyWork | CardWork) -> None:
        self.failed += 1
        if isinstance(work, CardWork):
            work.done(UNREADABLE, self._clock.now())
        else:
            work.done(None, self._clock.now())

    async def _new_keys(self, wanted: NewWorkingKeys) -> tuple[IssuedKeys, MacKey | ModuleMac]:
        if self._custody is None:
            raise CustodyError("keys.custody = 'none'")
        if not wanted.master:
            raise CustodyError("this terminal has no TMK here")
        lengths = Layout(*wanted.lengths)
        made = await self._custody.new_working_keys(WrappedKey.parse(wanted.master), lengths)
        key = await self._mac(self._custody, made.mak, wanted.listener)
        tdk = "" if made.tdk is None else str(made.tdk)
        return IssuedKeys(made.field, str(made.mak), tdk), key

    async def _mac(self, custody: KeyCustody, key: WrappedKey, listener: str) -> MacKey | ModuleMac:
        """A MAC key, or where the custody releases none what stands for it."""
        scheme = self._scheme(listener, key)
        if custody.releases_mac_keys:
            return await custody.mac_key(key, scheme)
        await custody.check_value(key)
        return ModuleMac(key, scheme)

    def _scheme(self, listener: str, key: WrappedKey) -> MacScheme:
        mac = self._macs[listener]
        if mac.algorithm == "none":
            raise CustodyError(f"listener {listener!r} has no mac.algorithm")
        algorithm = mac.algorithm
        if key.cipher == "sm4":
            algorithm = SM4_INSTEAD.get(algorithm, algorithm)
        return MacScheme(algorithm, mac.padding, mac.form, mac.keep)

    async def restore(self, sessions: Iterable[Session]) -> None:
        """Have the keys of earlier lives opened; a terminal whose keys can't be signs in again."""
        for session in sessions:
            used = await self._opened(session, session.key)
            unused = [await self._opened(session, each) for each in session.unused()]
            if used is not None or any(unused):
                self._keys.restored(session.till, used, unused)

    async def _opened(self, session: Session, text: str) -> MacKey | ModuleMac | None:
        if not text or self._custody is None or session.listener not in self._macs:
            return None
        try:
            wrapped = WrappedKey.parse(text)
            return await self._mac(self._custody, wrapped, session.listener)
        except (CustodyError, WrappedKeyError) as error:
            self._log.error("a MAC key can't be opened", till=session.till.key, why=str(error))
            return None
