"""`kill -9` while terminals lose their keys: each loses them once, and no life brings them back."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import pytest
import trio

from codec import MacKey
from codec.keys import working_keys
from gateway.config import load
from gateway.desk.accounts import explained
from gateway.journal.desk_reader import DeskReader
from gateway.keys.software import SoftwareCustody
from routing.keeper import KeptKind
from tests.adversity.peers import Host
from tests.adversity.stage import RELAY, Stage, free_ports, wait_until
from tests.adversity.test_accounts import KILLS, PEOPLE, WAIT_S, Killer, asked, state_of
from tests.gateway.custodies import KEK, sealed
from tests.routing.world import POS
from tests.scenarios.town import Shop, merchant, registered

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

TMK: Final = "31313131313131313232323232323232"
SHOPS: Final = (1, 3, 5)
GONE: Final = ("working keys revoked", "key revoked")


def settings(folder: Path, port: int) -> dict[str, object]:
    """Terminals that sign in, each with a TMK from a file that every life reads anew."""

    async def wrapped() -> Iterator[str]:
        custody = sealed(SoftwareCustody([KEK]))
        owners = [f"{merchant(number)}|T{number:07d}" for number in SHOPS]
        return iter([str(await custody.known(TMK, "tmk", owner)) for owner in owners])

    kek, keys, registry = folder / "kek", folder / "keys.toml", folder / "registry.toml"
    kek.touch(0o600)
    kek.write_text(KEK.hex())
    keys.write_text("key = [" + ", ".join(f'"{each}"' for each in trio.run(wrapped)) + "]")
    registry.write_text("\n".join(registered(number) for number in SHOPS))
    listener = (
        f'[{{name="pos", host="127.0.0.1", port={port}, dialect="{POS}", keys="working",'
        ' terminal_resolves_first=true, mac={algorithm="cup-ecb"}}]'
    )
    return {
        "listener": listener,
        "accounts__people": PEOPLE,
        "backups__folder": folder / "backups",
        "registry__file": registry,
        "registry__required": "true",
        "keys__custody": "software",
        "keys__kek__file": kek,
        "keys__file": keys,
        "wire__acknowledgement_settles_s": 0.05,
    }


def opened(number: int, port: int) -> Shop:
    """A shop whose terminal signed in, sold and settled."""
    shop = Shop(SimpleNamespace(port=port, key=MacKey("cup-ecb", bytes(16))), number)  # type: ignore[arg-type]
    assert shop.manages("0800", "003") == "00"
    keys = working_keys(bytes.fromhex(TMK), shop.last[62].encode("latin-1"))
    shop.town.key = MacKey("cup-ecb", keys.mak)
    assert shop.sells()[0] == "00"
    wait_until(lambda: shop.settles(1_000, 1) == "00", WAIT_S, "its batch is settled")
    shop.hangs_up()
    return shop


def goes(stage: Stage, shop: Shop) -> str:
    """Its terminal is to go out of service, not trusted any more: the request's number."""
    about = {"merchant": shop.merchant, "terminal": shop.terminal, "state": "DEACTIVATED"}
    about |= {"kind": "VIOLATION", "reason": "tampered", "contact": "010 555 000"}
    said: dict[str, Any] = {"file": "TERMINAL"}
    _, told = asked(stage, "enquire", "clara", action="5", record=about, **said)
    record = about | {"token": told["token"]}
    key = f"one-{shop.terminal}"
    _, told = asked(stage, "request", "clara", action="2", key=key, record=record, **said)
    asked(stage, "approve", "rita", record={"request": told["request"]})
    return str(told["request"])


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_anywhere_each_terminal_loses_its_keys_once_and_for_good(
    tmp_path: Path, seed: int
) -> None:
    (port,) = free_ports(1)
    with Stage(tmp_path, **settings(tmp_path, port)) as stage, Host(stage.host_port):
        killer = Killer(stage, seed)
        shops = [opened(number, port) for number in SHOPS]
        killer.start()
        numbers = [goes(stage, shop) for shop in shops]
        killer.join(WAIT_S)
        assert (killer.failed, killer.kills) == (None, KILLS)
        for number in numbers:
            wait_until(lambda n=number: state_of(stage, n) == "DEACTIVATED", WAIT_S, number)
        killer.process.kill()
        killer.process.wait()
        stage.gateway()  # one more life that reads the file of keys
        command = stage.command("audit")
        config = load(RELAY, [x.removeprefix("--set=") for x in command if x.startswith("--set=")])
        for shop, number in zip(shops, numbers, strict=True):
            story = [each["what"] for each in explained(config, number)["story"]]
            assert story.count("KEYS REVOKED") == 1, story
            assert shop.manages("0800", "003") == "58"
            assert shop.sells()[0] == "58"
            shop.hangs_up()
        with DeskReader(config) as reader:
            assert reader.kept(KeptKind.WRAPPED_KEY) == []
            for shop in shops:
                till = f"{shop.merchant}|{shop.terminal}"
                lines = [*reader.audited(till), *reader.audited(f"tmk/des/{till}")]
                told = [each.kind for each in lines]
                assert [told.count(each) for each in GONE] == [1, 1], told
