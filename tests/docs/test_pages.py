"""Every command of the documentation runs, and says what the page says that it says."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.adversity.stage import free_ports
from tests.docs import pages

pytestmark = pytest.mark.slow

TUTORIAL = ("first-charge", "first-reversal", "first-incident")
FIXED_PORTS = ("8583", "9583", "9108")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A fresh clone, where the example's ports are ones that are free here."""
    place = tmp_path / "isogate"
    if not (pages.ROOT / ".git").exists():
        pytest.skip("this is no clone")
    subprocess.run(["git", "clone", "-q", pages.ROOT, place], check=True)
    return place


def with_free_ports(text: str, ports: dict[str, str]) -> str:
    for fixed, free in ports.items():
        text = text.replace(fixed, free)
    return text


def at_these(block: pages.Block, ports: dict[str, str]) -> pages.Block:
    """The same commands, where the simulators use these ports instead of their usual ones."""
    bank = f"isogate host --port {ports['9583']}"
    tills = f"isogate terminals --address 127.0.0.1:{ports['8583']}"
    commands = block.commands.replace("isogate host", bank).replace("isogate terminals", tills)
    return block._replace(commands=commands)


def test_a_new_operator_walks_through_the_tutorial(clone: Path) -> None:
    ports = dict(zip(FIXED_PORTS, map(str, free_ports(len(FIXED_PORTS))), strict=True))
    config = clone / "examples" / "relay.toml"
    config.write_text(with_free_ports(config.read_text(), ports))
    blocks = [
        block
        for name in TUTORIAL
        for block in pages.blocks(clone / "docs" / "tutorial" / f"{name}.md")
    ]
    said = pages.run([at_these(block, ports) for block in blocks], clone, {"COLUMNS": "100"})
    missing = [
        (block.commands, line, text)
        for block, text in zip(blocks, said, strict=True)
        for line in pages.unsaid(block.says, text)
    ]
    assert not missing, "\n\n".join(f"{c}\nnever said: {line}\n{t}" for c, line, t in missing)
