"""Doors as the configuration opens them: TLS, proxies, a host that connects to the gateway."""

from __future__ import annotations

import json
import socket
import threading
import time
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme

from gateway.clock import SystemClock
from gateway.config import load
from gateway.config_overrides import ConfigError
from gateway.doors import Doors
from gateway.log import Log
from gateway.wire import Engine
from routing.charge import State
from tests.gateway.test_gateway import WAIT_S, Bank, gateway
from tests.routing.world import sale

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL = """
[[listener]]
name = "counter"
port = 8583
[[host]]
name = "bank"
port = 9583
"""


class CallingBank(Bank):
    """A host that connects to the gateway, again and again until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.calls: int = found.getsockname()[1]
        self._caller = threading.Thread(target=self._call, daemon=True)
        self._caller.start()

    def _call(self) -> None:
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            try:
                link = socket.create_connection(("127.0.0.1", self.calls), WAIT_S)
            except OSError:
                time.sleep(0.01)
                continue
            self._links.append(link)
            link.settimeout(None)
            self._serve(link)
            return

    def close(self) -> None:
        super().close()
        self._caller.join(WAIT_S)


@pytest.fixture
def calling_bank() -> Iterator[CallingBank]:
    bank = CallingBank()
    yield bank
    bank.close()


async def test_a_host_that_connects_to_us_gets_charges_like_any_other(
    tmp_path: Path, calling_bank: CallingBank
) -> None:
    overrides = (
        "host.0.listen=true",
        'host.0.allowed=["127.0.0.1"]',
        f"host.0.port={calling_bank.calls}",
    )
    async with gateway(tmp_path, calling_bank, *overrides) as running:
        terminal = await running.terminal()
        assert (await terminal.asks(sale()))[39] == "00"
        await running.until(lambda: running.state() is State.PRESUMED_SERVED)
        await terminal.vanish()
    assert len(calling_bank.with_mti("02")) == 1


def certificate(folder: Path, host: str = "localhost") -> dict[str, str]:
    """Files of one that its authority signed."""
    authority = trustme.CA()
    made = authority.issue_cert(host)
    files = {name: str(folder / f"{name}.pem") for name in ("certificate", "key", "authorities")}
    made.private_key_pem.write_to_path(files["key"])
    made.cert_chain_pems[0].write_to_path(files["certificate"])
    authority.cert_pem.write_to_path(files["authorities"])
    return files


def spoil(file: str) -> None:
    """No certificate stands there any more."""
    Path(file).write_text("nothing")


def written(folder: Path) -> Path:
    path = folder / "gateway.toml"
    path.write_text(SMALL)
    return path


def tls(side: str, files: dict[str, str]) -> list[str]:
    return [
        f"{side}.0.tls.certificate_file={files['certificate']}",
        f"{side}.0.tls.key_file={files['key']}",
    ]


def test_files_of_tls_that_are_missing_or_no_certificates_are_told(tmp_path: Path) -> None:
    files = certificate(tmp_path)
    assert load(written(tmp_path), tls("listener", files)).listener[0].tls.wanted
    Path(files["certificate"]).write_text("nothing")
    Path(files["key"]).unlink()
    for side in ("listener", "host"):
        with pytest.raises(ConfigError, match=f"{side}.0.tls: "):
            load(written(tmp_path), tls(side, files))


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["listener.0.tls.authorities_file=x"], "listener.0.tls.certificate_file: needed"),
        (["listener.0.tls.binds=terminal"], "listener.0.tls.binds = 'terminal': needs"),
        (["host.0.tls.binds=terminal"], "host.0.tls.binds"),
        (['listener.0.proxies=["10.0.0.0/33"]'], "listener.0.proxies: "),
        (['listener.0.proxies=["10.0.0.0/8"]'], "listener.0.proxies = "),
        (["host.0.listen=true"], "host.0.listen = true: say in allowed"),
        (["host.0.listen=true", 'host.0.allowed=["nobody"]'], "host.0.allowed: "),
    ],
)
def test_doors_that_could_not_work_are_told(
    tmp_path: Path, overrides: list[str], told: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path), overrides)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "override", ["listener.0.terminal_resolves_first=true", "service.proof=confirmation"]
)
def test_behind_a_proxy_delivery_needs_another_proof_than_tcp(
    tmp_path: Path, override: str
) -> None:
    proxies = 'listener.0.proxies=["10.0.0.0/8"]'
    assert load(written(tmp_path), [proxies, override]).listener[0].proxies == ("10.0.0.0/8",)
    if override.startswith("service"):
        merchant = ["merchant.0.id=SHOP00000000001", "merchant.0.proof=approval"]
        with pytest.raises(ConfigError, match="acknowledges for the terminal"):
            load(written(tmp_path), [proxies, override, *merchant])


def test_certificates_are_read_anew_and_those_that_are_none_stay_as_they_are(
    tmp_path: Path,
) -> None:
    files = certificate(tmp_path)
    config = load(written(tmp_path), tls("listener", files))
    said = StringIO()
    engine = Engine(config.wire, SystemClock())
    doors = Doors(config, engine, Log(said))
    doors.reload()
    spoil(files["certificate"])
    doors.reload()
    told = [(line["event"], line["peer"]) for line in map(json.loads, said.getvalue().splitlines())]
    assert told == [("certificate reloaded", "counter"), ("certificate not reloaded", "counter")]
    engine.close_all()
