"""The registry as a file: what is read, what is refused and why, and what is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.registry_file import Document, RegistryFileError, as_json, as_toml, read
from routing.entries import Account, EntryLimits, MerchantEntry, TerminalEntry, TerminalState
from routing.service import Proof

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = Document(
    merchant=(
        MerchantEntry(
            id="123456789012345",
            name="街角小店",
            region="110000",
            mcc="5411",
            language="zh",
            accounts=(Account(bank="bank of here", masked="622848******1234", token="t-1"),),  # noqa: S106
            limits=EntryLimits(amount_max=500_000),
        ),
        MerchantEntry(id="B"),
    ),
    terminal=(
        TerminalEntry(
            merchant="123456789012345",
            id="10000001",
            proof=Proof.CONFIRMATION,
            window_s=3.0,
            serial="SN-7",
            software="2.1",
            capabilities=("chip", "contactless"),
            tpdu="6000030000",
            batch="000001",
            key_names={"tmk": "shop-1"},
        ),
        TerminalEntry(merchant="B", id="1", state=TerminalState.SUSPENDED, why="VIOLATION"),
    ),
)


@pytest.mark.parametrize("name", ["registry.toml", "registry.json"])
@pytest.mark.parametrize("document", [WHOLE, Document()], ids=["whole", "empty"])
def test_what_is_written_is_read_again(tmp_path: Path, name: str, document: Document) -> None:
    path = tmp_path / name
    path.write_text(as_json(document) if name.endswith("json") else as_toml(document), "utf-8")
    assert read(path) == document


BAD = [
    ("registry.toml", "[[merchant]\n", "line 1"),
    ("registry.json", "{", "truncated"),
    ("registry.toml", "[[merchant]]\nname = 'x'\n", r"missing required field `id`.*merchant"),
    ("registry.toml", "[[merchant]]\nid = 'A'\ncolour = 'red'\n", "unknown field `colour`"),
    ("registry.toml", "[[merchant]]\nid = 'A'\nstate = 'GONE'\n", r"state"),
    ("registry.toml", "[[merchant]]\nid = 'A'\n[[merchant]]\nid = 'A'\n", "merchant A.*twice"),
    ("registry.toml", "[[terminal]]\nmerchant = 'A'\nid = '123456789'\n", r"terminal A\|.*id"),
    ("registry.toml", "[[merchant]]\nid = 'A'\nproof = 'confirmation'\n", "window_s"),
]


@pytest.mark.parametrize(("name", "text", "why"), BAD, ids=range(len(BAD)))
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, name: str, text: str, why: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(RegistryFileError, match=f"(?i){why}"):
        read(tmp_path / name)


def test_a_file_that_is_not_there_or_not_text_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(RegistryFileError, match="No such file"):
        read(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(RegistryFileError, match="UTF-8"):
        read(tmp_path / "bytes.toml")
