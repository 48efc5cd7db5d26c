"""Imports go one way, and the inner layers touch nothing of the outside world."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parent.parent
LAYERS: Final = ("codec", "routing", "gateway", "bench")
PURE: Final = ("codec", "routing")
OUTSIDE: Final = frozenset(
    (
        *("apsw", "asyncio", "fcntl", "hypercorn", "logging", "multiprocessing", "os", "random"),
        *("secrets", "select", "selectors", "signal", "socket", "sqlite3", "ssl", "starlette"),
        *("subprocess", "tempfile", "threading", "time", "trio", "urllib", "uuid"),
    )
)
CLOCK_READINGS: Final = frozenset({"now", "utcnow", "today"})
DOORS: Final = frozenset({"open", "input", "print"})
DATA_READERS: Final = frozenset({"codec/dialects/__init__.py"})
"""Reads its own package's data files, once, when it is imported."""
COMMANDS: Final = frozenset({"routing/diagram.py"})
"""Prints, when it is run as a command."""


class Import(NamedTuple):
    """One import of a name from a module."""

    file: Path
    module: str
    name: str


def sources(*packages: str) -> list[Path]:
    """All Python sources of these packages, Cython's included."""
    return sorted(
        path
        for package in packages
        for pattern in ("*.py", "*.pyi")
        for path in (ROOT / package).rglob(pattern)
    )


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def imports(path: Path) -> Iterator[Import]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (Import(path, alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            assert node.level == 0, f"{path}: a relative import"
            yield from (Import(path, module, alias.name) for alias in node.names)


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


FILES = sources(*LAYERS)


@pytest.mark.parametrize("path", FILES, ids=short)
def test_a_layer_imports_itself_and_those_below_it(path: Path) -> None:
    layer = LAYERS.index(path.relative_to(ROOT).parts[0])
    above = {*LAYERS[layer + 1 :], "tests"}
    wrong = [each for each in imports(path) if each.module.partition(".")[0] in above]
    assert not wrong


@pytest.mark.parametrize("path", sources(*PURE), ids=short)
def test_the_inner_layers_import_nothing_of_the_outside_world(path: Path) -> None:
    wrong = [each for each in imports(path) if each.module.partition(".")[0] in OUTSIDE]
    assert not wrong


@pytest.mark.parametrize("path", sources(*PURE), ids=short)
def test_the_inner_layers_wait_for_nothing_read_no_clock_and_open_no_file(path: Path) -> None:
    for node in ast.walk(tree_of(path)):
        assert not isinstance(node, ast.Await | ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith)
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute):
            is_clock = node.func.attr in CLOCK_READINGS
            assert not is_clock, f"line {node.lineno} reads a clock"
        if isinstance(node.func, ast.Name) and short(path) not in COMMANDS | DATA_READERS:
            assert node.func.id not in DOORS, f"line {node.lineno}"


@pytest.mark.parametrize("path", [*sources("codec"), *(ROOT / "codec").glob("*.pyx")], ids=short)
def test_the_codec_knows_nothing_of_charges_and_sockets(path: Path) -> None:
    text = path.read_text("utf-8")
    for package in LAYERS[1:]:
        assert f"import {package}" not in text
        assert f"from {package}" not in text


@pytest.mark.parametrize("path", sources("bench"), ids=short)
def test_the_bench_uses_public_names_only(path: Path) -> None:
    for each in imports(path):
        if each.module.partition(".")[0] in LAYERS[:3]:
            parts = (*each.module.split("."), each.name)
            assert not any(part.startswith("_") for part in parts), each


def test_only_the_clock_and_what_stands_outside_the_turns_read_the_time() -> None:
    """A charge's times come in with its events, from one place."""
    allowed = {"clock.py", "log.py", "audit.py", "doctor.py", "systemd.py"}
    inner = [p for p in (ROOT / "gateway").glob("*.py") if p.name not in allowed]
    inner += [*(ROOT / "gateway" / "wire").glob("*.py"), *(ROOT / "gateway/journal").glob("*.py")]
    assert not [short(p) for p in inner for each in imports(p) if each.module == "time"]
