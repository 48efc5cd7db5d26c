"""House rules that a machine can check."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

import pytest

from tests.test_layers import LAYERS, ROOT, short, sources

if TYPE_CHECKING:
    from pathlib import Path

FUNCTION_LINES_MAX: Final = 50
"""Of the body: the signature of a command is the list of its options."""
FILE_LINES_MAX: Final = 400
FILES: Final = [path for path in sources(*LAYERS) if path.suffix == ".py"]
TESTS: Final = sorted((ROOT / "tests").rglob("*.py"))
SPEAKS: Final = ("gateway/cli/", "gateway/demo/", "bench/", "routing/diagram.py")
"""Whose work it is to print."""
UNFINISHED: Final = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedError")
CARD_WORDS: Final = frozenset({"pan", "track", "pin", "cvv", "secret", "digits"})


@pytest.mark.parametrize("path", [p for p in FILES if p.read_text("utf-8")], ids=short)
def test_every_file_opens_by_saying_what_lives_there(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    said = ast.get_docstring(tree)
    assert said
    assert len(said.split()) >= 3
    assert said[0].isupper() or said[0] in "`"


@pytest.mark.parametrize("path", FILES, ids=short)
def test_public_names_say_what_they_are(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        assert node.name.startswith("_") or ast.get_docstring(node), node.name


@pytest.mark.parametrize("path", FILES, ids=short)
def test_functions_and_files_are_short(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.count("\n") <= FILE_LINES_MAX
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.body[0].lineno + 1
            assert lines <= FUNCTION_LINES_MAX, f"{node.name}: {lines} lines"


@pytest.mark.parametrize("path", FILES, ids=short)
def test_nothing_is_left_unfinished(path: Path) -> None:
    found = UNFINISHED.search(path.read_text("utf-8"))
    assert not found, found


@pytest.mark.parametrize("path", [p for p in FILES if not short(p).startswith(SPEAKS)], ids=short)
def test_nothing_is_printed_where_nobody_is_spoken_to(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print", f"line {node.lineno}"


@pytest.mark.parametrize("path", FILES, ids=short)
def test_no_error_and_no_log_line_shows_card_data_or_keys(path: Path) -> None:
    """What is put into a text must not be called like something secret."""
    tree = ast.parse(path.read_text("utf-8"))
    shown: list[ast.AST] = [n for n in ast.walk(tree) if isinstance(n, ast.Raise)]
    shown += [n for n in ast.walk(tree) if isinstance(n, ast.Call) and _is_log(n.func)]
    for statement in shown:
        for node in ast.walk(statement):
            if isinstance(node, ast.FormattedValue):
                assert _last_name(node.value) not in CARD_WORDS, f"line {node.lineno}"


def _is_log(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and _last_name(function.value) in ("log", "_log")


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


@pytest.mark.parametrize("path", TESTS, ids=short)
def test_every_test_is_named_for_a_behaviour_and_no_test_sleeps_for_long(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert not re.fullmatch(r"test_(it|works?|basic|\d+)", node.name), node.name


def test_every_package_is_marked_as_typed() -> None:
    assert all((ROOT / package / "py.typed").exists() for package in LAYERS)


def test_files_at_the_top_are_those_that_are_agreed() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert "pip install" in text
    assert (ROOT / "LICENSE").read_text("utf-8").lstrip().startswith("Apache License")
