"""Alerts rest on what is exposed; each is tested, and each says what to do."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Final

import pytest
import yaml

from gateway.ops.catalogue import CATALOGUE
from tests.ops.rules import ALERTS, ALL, FILES, FOLDER, ROOT, SERIES, read, unknown

TESTS: Final = sorted((FOLDER / "tests").glob("*_test.yml"))
HEADINGS: Final = ("## What it means", "## What to look at", "## What to do")
needs_promtool = pytest.mark.skipif(
    not shutil.which("promtool"), reason="promtool is not installed"
)


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.get("alert", rule.get("record")))
def test_a_rule_names_only_what_is_exposed_or_recorded(rule: dict[str, str]) -> None:
    assert unknown(rule["expr"]) == set()


def test_a_name_a_label_and_a_word_that_do_not_exist_are_found() -> None:
    assert unknown("gateway_nonsense > 1") == {"gateway_nonsense"}
    assert unknown('gateway_cases{why="x"}') == {"gateway_cases{why}"}
    assert unknown('gateway_cases{reason="sunspots"}') == {"sunspots"}


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_has_a_severity_a_sentence_and_a_page_that_says_what_to_do(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"]
    text = (ROOT / rule["annotations"]["runbook_url"]).read_text("utf-8")
    assert text.startswith(f"# {name}\n")
    assert [text.count(heading) for heading in HEADINGS] == [1, 1, 1]
    said = set(re.findall(r"\b(gateway_[a-z_]+)", text)) - {"gateway_"}
    assert {each for each in said if each not in SERIES and each not in CATALOGUE} == set()
    for page in re.findall(r"\]\((\w+)\.md\)", text):
        assert page in ALERTS


def test_no_page_is_about_an_alert_that_does_not_exist() -> None:
    assert {page.stem for page in (ROOT / "docs" / "runbooks").glob("*.md")} == set(ALERTS)


def test_every_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    fires, silent = set(), set()
    for file in TESTS:
        for test in yaml.safe_load(file.read_text("utf-8"))["tests"]:
            for look in test["alert_rule_test"]:
                (fires if look.get("exp_alerts") else silent).add(look["alertname"])
    assert fires == silent == set(ALERTS)


@needs_promtool
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_prometheus_takes_the_rules(file: object) -> None:
    done = subprocess.run(
        ["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.name)
def test_the_rules_pass_their_tests(file: object) -> None:
    done = subprocess.run(
        ["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_file_of_rules_has_alerts_or_records() -> None:
    assert all(read(file) for file in FILES)
