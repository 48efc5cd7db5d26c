"""TLS of terminals through the whole gateway: certificates that are bound, and that are changed."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import trio
import trustme

from gateway.systemd import Notifier
from tests.gateway.test_gateway import WAIT_S, Bank, Running, bank, gateway
from tests.routing.world import MERCHANT, TERMINAL, sale

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["bank"]

PATIENT: Final = "host.0.answer_timeout_s=30"


class Authority:
    """Who signs the certificates of the gateway and of its terminals."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self._folder = folder
        self.file = str(folder / "authority.pem")
        self._authority.cert_pem.write_to_path(self.file)
        self.renew()

    def renew(self) -> None:
        """The gateway's files hold another certificate from now on."""
        made = self._authority.issue_cert("localhost")
        (self._folder / "gateway.pem").write_bytes(made.cert_chain_pems[0].bytes())
        made.private_key_pem.write_to_path(str(self._folder / "gateway.key.pem"))

    def spoil(self) -> None:
        """What stands there is no certificate any more."""
        (self._folder / "gateway.pem").write_text("nothing")

    def listener(self, **more: str) -> tuple[str, ...]:
        """Settings of the listener."""
        said = {
            "certificate_file": self._folder / "gateway.pem",
            "key_file": self._folder / "gateway.key.pem",
            **more,
        }
        return tuple(f"listener.0.tls.{key}={value}" for key, value in said.items())

    def terminal(self, name: str = "") -> ssl.SSLContext:
        """A terminal's side of TLS, with a certificate of this name if there is one."""
        context = ssl.create_default_context(cafile=self.file)
        if name:
            self._authority.issue_cert("till.test", common_name=name).configure_cert(context)
        return context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def greeting() -> bytes:
    """What a proxy says of a terminal."""
    addresses = socket.inet_aton("192.0.2.7") + socket.inet_aton("10.0.0.1")
    body = addresses + struct.pack(">HH", 4_000, 8_583)
    return b"\r\n\r\n\0\r\nQUIT\n" + b"\x21\x11" + struct.pack(">H", len(body)) + body


@pytest.mark.parametrize("behind_proxy", [False, True], ids=["direct", "behind a proxy"])
@pytest.mark.parametrize(
    ("binds", "name", "other"),
    [
        ("terminal", TERMINAL, {"de41": "T0000002"}),
        ("merchant", MERCHANT, {"de42": "SHOP00000000002"}),
    ],
)
async def test_a_certificate_of_a_terminal_or_merchant_sells_for_nobody_else(
    tmp_path: Path,
    bank: Bank,
    authority: Authority,
    binds: str,
    name: str,
    other: dict[str, Any],
    behind_proxy: bool,
) -> None:
    settings = [PATIENT, *authority.listener(authorities_file=authority.file, binds=binds)]
    greets = b""
    if behind_proxy:
        settings.append('listener.0.proxies=["127.0.0.1"]')
        greets = greeting()
    own = {"de41": TERMINAL, "de42": MERCHANT}
    async with gateway(tmp_path, bank, *settings) as running:
        context = authority.terminal(name)
        terminal = await running.terminal(context, greets)
        assert (await terminal.asks(sale(stan=1, **own)))[39] == "00"
        await terminal.send(sale(stan=2, **{**own, **other}))
        with trio.fail_after(WAIT_S):
            while not await running.ended():
                pass
        assert await running.ended() == {"not its certificate's terminal": 1}
        assert [message[11] for message in bank.with_mti("0200")] == ["000001"]
        again = await running.terminal(context, greets)
        assert (await again.asks(sale(stan=3, **own)))[39] == "00"
        await terminal.vanish()
        await again.vanish()


# Certificates that are changed while terminals are connected


async def by_http(running: Running) -> None:
    """POST /reload."""
    assert (await running.http.post("/reload", json={"who": "ann"})).status_code == 200


async def by_signal(running: Running) -> None:
    """SIGHUP."""
    async with trio.open_nursery() as nursery:
        await nursery.start(running.reload.on_signal, Notifier({}))
        done = running.reload.counts["done"]
        os.kill(os.getpid(), signal.SIGHUP)
        await running.until(lambda: running.reload.counts["done"] == done + 1)
        nursery.cancel_scope.cancel()


async def shown_to(running: Running, context: ssl.SSLContext) -> bytes:
    """The certificate that a new terminal is shown, which sells something over it."""
    terminal = await running.terminal(context)
    assert (await terminal.asks(sale(de41="T0000009")))[39] == "00"
    shown = terminal.shown
    await terminal.vanish()
    return shown


@pytest.mark.parametrize("reloads", [by_http, by_signal])
async def test_after_a_reload_new_terminals_see_the_new_certificate_and_the_others_go_on(
    tmp_path: Path,
    bank: Bank,
    authority: Authority,
    reloads: Callable[[Running], Awaitable[None]],
) -> None:
    context = authority.terminal()
    async with gateway(tmp_path, bank, PATIENT, *authority.listener()) as running:
        terminal = await running.terminal(context)
        assert (await terminal.asks(sale(stan=1)))[39] == "00"
        authority.renew()
        assert await shown_to(running, context) == terminal.shown
        await reloads(running)
        renewed = await shown_to(running, context)
        assert renewed not in (terminal.shown, b"")
        assert (await terminal.asks(sale(stan=2)))[39] == "00"
        authority.spoil()
        refused = await running.http.post("/reload", json={})
        assert refused.status_code == 409
        assert refused.json()["problems"][0].startswith("listener.0.tls: ")
        assert await shown_to(running, context) == renewed
        await terminal.vanish()
