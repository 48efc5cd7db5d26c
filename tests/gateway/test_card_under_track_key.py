"""A settlement card's number under the track key of a terminal that signed in: real sockets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import CBC

from codec import MacKey
from gateway.simulators.settlement_bank import key_in
from tests.gateway.day_stage import MERCHANT, Day, day
from tests.gateway.merchants_day import CONFIG, POS, Pos
from tests.gateway.test_key_restart import on_disk
from tests.gateway.test_settlement_cards import BINS
from tests.routing.accounts.card_street import DEBIT_1, DEBIT_2
from tests.routing.accounts.test_settlement_card import mask

if TYPE_CHECKING:
    from pathlib import Path

    from codec import Message
    from codec.keys import WorkingKeys

SETTLEMENT: Final = """
[settlement]
url = "http://127.0.0.1:1"
key_file = "{key}"
bin_file = "{bins}"
[[accounts.people]]
name = "{merchant}/01"
roles = ["merchant"]
"""


def text(folder: Path) -> str:
    """The day's configuration, with a bank to tell."""
    key_in(folder / "bank.key")
    (folder / "bins.csv").write_text(BINS)
    section = SETTLEMENT.format(
        key=folder / "bank.key.pub", bins=folder / "bins.csv", merchant=MERCHANT
    )
    return CONFIG.format(dialect=POS, algorithm="cup-ecb") + section


def under(tdk: bytes, digits: str, entry: int) -> str:
    """A number as a terminal enciphers it."""
    clear = f"123456789{entry}{len(digits):02d}{digits}".ljust(32, "F")
    cipher = Cipher(TripleDES(tdk + tdk[:8]), CBC(bytes(8))).encryptor()
    return cipher.update(bytes.fromhex(clear)).hex().upper()


async def signs_in(stage: Day, pos: Pos, code: str = "004") -> WorkingKeys:
    told = await stage.till.asks(pos.manages("0800", code))
    return stage.till.unwraps(told[62].encode("latin-1"))


async def account(stage: Day, pos: Pos, action: str, **record: Any) -> Message:
    """A file action about the settlement card."""
    fields = {62: json.dumps(record), 63: "01 "}
    return await stage.till.asks(pos.asks("0300", f"40{action}03", fields))


async def test_a_number_comes_under_the_track_key_and_is_read_whatever_keys_came_since(
    tmp_path: Path,
) -> None:
    pos = Pos()
    async with day(tmp_path, text(tmp_path), "cup-ecb") as stage:
        first = await signs_in(stage, pos)
        told = await account(stage, pos, "5")
        said = {"token": json.loads(told[62])["token"], "name": "Corner Shop"}
        tdk = bytes(first.tdk)
        one, other = under(tdk, DEBIT_1, 1), under(tdk, DEBIT_1, 2)
        twice = await account(stage, pos, "2", **said, card=one, again=one)
        assert (twice[39], twice[44]) == ("27", "again")  # keyed once, and sent twice
        wrong = await account(stage, pos, "2", **said, card=one, again=under(tdk, DEBIT_2, 2))
        assert (wrong[39], wrong[44]) == ("27", "again")
        strange = under(bytes(range(16)), DEBIT_1, 1)
        unread = await account(stage, pos, "2", **said, card=strange, again=strange)
        assert (unread[39], unread[44]) == ("27", "card")
    async with day(tmp_path, text(tmp_path), "cup-ecb") as stage:
        stage.till.key = MacKey("cup-ecb", first.mak)
        told = await account(stage, pos, "2", **said, card=one, again=other)
        assert (told[39], json.loads(told[62])["state"]) == ("00", "UNDER_REVIEW")
        assert json.loads(told[62])["facts"]["masked"] == mask(DEBIT_1)
    written = on_disk(tmp_path)
    for form in (DEBIT_1.encode(), bytes.fromhex(f"{DEBIT_1}0"), bytes.fromhex(f"0{DEBIT_1}")):
        assert form not in written


async def test_a_terminal_without_a_track_key_can_send_no_blocks(tmp_path: Path) -> None:
    pos = Pos()
    async with day(tmp_path, text(tmp_path), "cup-ecb") as stage:
        await signs_in(stage, pos, "003")
        told = await account(stage, pos, "5")
        said = {"token": json.loads(told[62])["token"], "name": "Corner Shop"}
        block = under(bytes(range(16)), DEBIT_1, 1)
        told = await account(stage, pos, "2", **said, card=block, again=block)
        assert (told[39], told[44]) == ("27", "card")
