"""MAC keys exchanged with a real host over real sockets, the custody taking them over."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, Any

import pytest

from codec import Framer, MacKey, Message, build, mac
from codec.framing import frame
from codec.keys import Secret, check_value, wrap
from gateway.config import load
from gateway.keys.software import SoftwareCustody
from routing.charge import State
from routing.key_exchange import KeyState
from tests.gateway.custodies import KEK
from tests.gateway.test_config import SMALL, problems, written
from tests.gateway.test_gateway import SPOKEN, Bank, Running, Terminal, gateway
from tests.routing.test_links import links_of
from tests.routing.world import answer, sale

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from gateway.keys.wrapped import WrappedKey

ZMK = bytes.fromhex("CA5D92598DCA48CE8A4C76361A9269E9")
EXCHANGE = (
    "host.0.mac.algorithm=x9.19",
    "host.0.key_change.field=48",
    "host.0.key_change.retry_s=0.3",
    "host.0.silences_max=0",
)


class KeyedBank(Bank):
    """Makes and checks MACs under a key that it hands out when it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: list[MacKey] = []
        self.gives = True
        self.check: bytes | None = None
        """A check value to tell instead of the key's."""
        self.signs_with: MacKey | None = None
        """Another key than the one that it handed out."""

    def new_key(self) -> str:
        """Field 48 with a new key."""
        key = os.urandom(16)
        self.keys.append(MacKey("x9.19", key))
        check = check_value(key) if self.check is None else self.check
        return (wrap(ZMK, key) + check).hex().upper()

    def _serve(self, link: socket.socket) -> None:
        framer = Framer()
        try:
            while data := link.recv(65_536):
                for body in framer.feed(data):
                    message = Message(body, SPOKEN)
                    self.got.append(message)
                    said = self._answered(message)
                    if said is not None:
                        link.sendall(frame(said.raw))
        except OSError:
            return

    def _answered(self, message: Message) -> Message | None:
        if message.mti[1] == "8":
            if message.mti != "0800" or (message[70] == "101" and not self.gives):
                return None
            fields = {de: message[de] for de in (7, 11, 70)} | {39: "00"}
            if message[70] == "101":
                fields[48] = self.new_key()
            return build(message.dialect, "0810", fields)
        code = self.decides(message) if mac.verify(message, self.keys[-1]) else "A0"
        if code is None:
            return None
        said = answer(message, code)
        mac.sign(said, self.signs_with or self.keys[-1])
        return said

    def sends_a_key(self) -> None:
        """By itself."""
        fields = {7: "1123171500", 11: "000077", 48: self.new_key(), 70: "101"}
        self._links[-1].sendall(frame(build(SPOKEN, "0800", fields).raw))


@pytest.fixture
def keyed_bank() -> Iterator[KeyedBank]:
    with closing(KeyedBank()) as made:
        yield made


def exchange(folder: Path) -> tuple[str, ...]:
    """Overrides with which keys are exchanged; the KEK stands in a file."""
    file = folder / "kek"
    file.write_text(KEK.hex())
    file.chmod(0o600)
    return (*EXCHANGE, "keys.custody=software", f"keys.kek.file={file}")


async def custody_with_zone_key() -> tuple[SoftwareCustody, list[WrappedKey]]:
    custody = SoftwareCustody([Secret(KEK)])
    first = bytes(range(1, 17))
    second = bytes(one ^ other for one, other in zip(first, ZMK, strict=True))
    components = [
        await custody.seal_component(Secret(each), check_value(each), "zmk", "bank", "des")
        for each in (first, second)
    ]
    return custody, [await custody.form_key(components, "zmk", "bank")]


@asynccontextmanager
async def exchanging(folder: Path, bank: KeyedBank) -> AsyncIterator[Running]:
    """A gateway that exchanges keys with this bank."""
    custody, keys = await custody_with_zone_key()
    async with gateway(folder, bank, *exchange(folder), custody=custody, keys=keys) as running:
        yield running


async def sells(running: Running, terminal: Terminal, stan: int) -> str:
    told: str = (await terminal.asks(sale(stan=stan)))[39]
    return told


def exchange_of(running: Running) -> Any:
    return links_of(running).exchange  # type: ignore[arg-type]


async def test_the_first_key_is_asked_for_and_macs_are_good_both_ways(
    tmp_path: Path, keyed_bank: KeyedBank
) -> None:
    async with exchanging(tmp_path, keyed_bank) as running:
        terminal = await running.terminal()
        assert await sells(running, terminal, 1) == "00"
        assert exchange_of(running).results == {"changed": 1}
        await terminal.vanish()
    async with exchanging(tmp_path, keyed_bank) as running:
        terminal = await running.terminal()
        assert await sells(running, terminal, 2) == "00"
        assert len(keyed_bank.keys) == 1  # the key outlived the restart
        await terminal.vanish()


async def test_a_key_that_the_host_sends_in_mid_traffic_is_used_from_its_answer_on(
    tmp_path: Path, keyed_bank: KeyedBank
) -> None:
    async with exchanging(tmp_path, keyed_bank) as running:
        terminal = await running.terminal()
        assert await sells(running, terminal, 1) == "00"
        old = keyed_bank.keys[-1]
        keyed_bank.sends_a_key()
        await running.until(lambda: exchange_of(running).results["changed"] == 2)
        assert await sells(running, terminal, 2) == "00"
        keyed_bank.signs_with = old  # an answer that was on its way
        assert await sells(running, terminal, 3) == "00"
        assert keyed_bank.with_mti("0810")[-1][39] == "00"
        await terminal.vanish()


async def test_a_wrong_check_value_is_answered_99_and_the_old_key_stays(
    tmp_path: Path, keyed_bank: KeyedBank
) -> None:
    async with exchanging(tmp_path, keyed_bank) as running:
        terminal = await running.terminal()
        assert await sells(running, terminal, 1) == "00"
        keyed_bank.check = bytes(4)
        keyed_bank.sends_a_key()
        await running.until(lambda: keyed_bank.with_mti("0810"))
        assert keyed_bank.with_mti("0810")[-1][39] == "99"
        del keyed_bank.keys[-1]
        assert await sells(running, terminal, 2) == "00"
        await terminal.vanish()


async def test_a_wrong_mac_changes_the_key_and_another_one_blocks_the_host(
    tmp_path: Path, keyed_bank: KeyedBank
) -> None:
    async with exchanging(tmp_path, keyed_bank) as running:
        terminal = await running.terminal()
        keyed_bank.signs_with = MacKey("x9.19", bytes(16))
        assert await sells(running, terminal, 1) == "68"
        await running.until(lambda: exchange_of(running).state is KeyState.PROVING)
        keyed_bank.gives = False
        await running.until(lambda: exchange_of(running).blocked)
        assert await sells(running, terminal, 2) == "91"
        ready = await running.http.get("/readyz")
        assert "blocked until a good MAC key comes" in ready.text
        keyed_bank.gives, keyed_bank.signs_with = True, None
        await running.until(lambda: running.state(1) is State.REVERSED)
        await running.until(lambda: exchange_of(running).state is KeyState.STEADY)
        assert await sells(running, terminal, 3) == "00"
        text = (await running.http.get("/metrics")).text
        assert 'gateway_host_keys_blocked{host="bank"} 0.0' in text
        assert 'gateway_host_key_exchanges_total{host="bank",result="changed"}' in text
        await terminal.vanish()


def test_a_key_exchange_needs_a_custody_and_no_key_file(tmp_path: Path) -> None:
    told = problems(written(tmp_path), "host.0.key_change.field=48")
    assert [each.partition(" =")[0] for each in told] == [
        "host.0.mac.algorithm",
        "host.0.key_change.field",
    ]
    told = problems(
        written(tmp_path), *exchange(tmp_path),
        "host.0.key_change.key_bytes=15", "host.0.key_change.check_bytes=9",
    )  # fmt: skip
    assert [each.partition(" =")[0] for each in told] == [
        "host.0.key_change.key_bytes",
        "host.0.key_change.check_bytes",
    ]
    path = tmp_path / "good.toml"
    path.write_text(SMALL)
    assert load(path, exchange(tmp_path)).host[0].key_change.field == 48
