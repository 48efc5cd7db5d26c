"""Every command of the documentation runs, and says what the page says that it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.adversity.stage import free_ports
from tests.docs import pages

pytestmark = pytest.mark.slow

TUTORIAL = ("first-charge", "first-reversal", "first-incident")
FIXED_PORTS = ("8583", "9583", "9108", "9590")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A fresh clone, where the example's ports are ones that are free here."""
    place = tmp_path / "isogate"
    if not (pages.ROOT / ".git").exists():
        pytest.skip("this is no clone")
    subprocess.run(["git", "clone", "-q", pages.ROOT, place], check=True)
    return place


def with_free_ports(text: str, ports: dict[str, str]) -> str:
    """In one pass: a free port may hold the digits of a fixed one."""
    return re.sub("|".join(ports), lambda fixed: ports[fixed.group()], text)


def at_these(block: pages.Block, ports: dict[str, str]) -> pages.Block:
    """The same commands, where the simulators use these ports instead of their usual ones."""
    bank = f"isogate host --port {ports['9583']}"
    tills = f"isogate terminals --address 127.0.0.1:{ports['8583']}"
    commands = block.commands.replace("isogate host", bank).replace("isogate terminals", tills)
    settling = f"isogate settlement-bank --listen 127.0.0.1:{ports['9590']}"
    commands = commands.replace("isogate settlement-bank", settling)
    for port in ("8583", "9590"):
        commands = commands.replace(f"127.0.0.1:{port}", f"127.0.0.1:{ports[port]}")
    return block._replace(commands=commands)


def missing(blocks: list[pages.Block], said: list[str]) -> str:
    """What pages say and commands did not, with all that they did."""
    return "\n\n".join(
        f"{block.commands}\nnever said: {line}\n{text}"
        for block, text in zip(blocks, said, strict=True)
        for line in pages.unsaid(block.says, text)
    )


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
    assert not missing(blocks, said)


PAGES = sorted(
    each.relative_to(pages.DOCS).as_posix()
    for each in pages.DOCS.rglob("*.md")
    if pages.blocks(each) and each.parent.name != "tutorial"
)


@pytest.mark.parametrize("name", PAGES)
def test_every_command_of_a_page_runs_and_says_what_the_page_says(
    name: str, tmp_path: Path
) -> None:
    ports = dict(zip(FIXED_PORTS, map(str, free_ports(len(FIXED_PORTS))), strict=True))
    (tmp_path / "examples").mkdir()
    (tmp_path / "page").mkdir()
    for each in (pages.ROOT / "examples").iterdir():
        text = with_free_ports(each.read_text("utf-8"), ports)
        (tmp_path / "examples" / each.name).write_text(text)
    blocks = pages.blocks(pages.DOCS / name)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    commands = [at_these(block, ports) for block in blocks]
    said = pages.run(commands, tmp_path / "page", {"COLUMNS": "100", "PATH": path})
    assert not missing(blocks, said)


def test_a_free_port_with_the_digits_of_a_fixed_one_stays_as_it_is() -> None:
    ports = {"8583": "19583", "9583": "31187"}
    assert with_free_ports("port = 8583\nport = 9583", ports) == "port = 19583\nport = 31187"


def test_a_page_that_says_what_is_not_so_is_found() -> None:
    assert pages.unsaid(("ready", "… 2 …"), "ready\nthere are 2 of them") == []
    assert pages.unsaid(("ready", "good"), "ready\nbad") == ["good"]
