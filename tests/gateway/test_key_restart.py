"""A terminal's old and new key over a restart of the gateway: real sockets, a real journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from codec.keys import Secret
from tests.gateway.day_stage import Day, day
from tests.gateway.merchants_day import CONFIG, POS, Pos
from tests.routing.world import answer

if TYPE_CHECKING:
    from pathlib import Path

    from codec import MacKey, Message

TEXT = CONFIG.format(dialect=POS, algorithm="cup-ecb")


async def signs_in(stage: Day, pos: Pos) -> MacKey:
    told = await stage.till.asks(pos.manages("0800", "003"))
    stage.till.unwraps(told[62].encode("latin-1"))
    assert stage.till.key is not None
    return stage.till.key


async def sells(stage: Day, pos: Pos, key: MacKey) -> Message:
    """A sale under a key; its answer, which is under the same."""
    stage.till.key = key
    await stage.till.says(pos.sale(1_000))
    at_host = await stage.host.hears()
    await stage.host.says(answer(at_host))
    return await stage.till.hears()


def on_disk(folder: Path) -> bytes:
    """All that the gateway wrote."""
    return b"".join(each.read_bytes() for each in folder.iterdir() if each.name != "kek")


async def test_old_and_new_key_are_good_after_a_restart_until_the_new_one_was_used(
    tmp_path: Path,
) -> None:
    pos = Pos()
    async with day(tmp_path, TEXT, "cup-ecb") as stage:
        old = await signs_in(stage, pos)
        assert (await sells(stage, pos, old))[39] == "00"
        new = await signs_in(stage, pos)
    async with day(tmp_path, TEXT, "cup-ecb") as stage:
        assert (await sells(stage, pos, old))[39] == "00"
        assert (await sells(stage, pos, new))[39] == "00"
        stage.till.key = old
        await stage.till.says(pos.sale(1_000))
        stage.till.key = new
        assert (await stage.till.hears())[39] == "A0"
    async with day(tmp_path, TEXT, "cup-ecb") as stage:
        assert (await sells(stage, pos, new))[39] == "00"


@pytest.mark.parametrize("what", ["mak", "tmk"])
async def test_no_clear_key_reaches_the_disk(tmp_path: Path, what: str) -> None:
    pos = Pos()
    async with day(tmp_path, TEXT, "cup-ecb") as stage:
        told = await stage.till.asks(pos.manages("0800", "003"))
        keys = stage.till.unwraps(told[62].encode("latin-1"))
        assert (await sells(stage, pos, stage.till.key))[39] == "00"  # type: ignore[arg-type]
    clear = bytes(Secret(keys.mak)) if what == "mak" else bytes.fromhex("31" * 8 + "32" * 8)
    written = on_disk(tmp_path)
    for form in (clear, clear.hex().encode(), clear.hex().upper().encode()):
        assert form not in written
