"""The documents and the code say the same."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from gateway import config
from gateway.keys.settings import HsmSettings, Pkcs11Settings
from routing import diagram
from routing.accounts import people, rules

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
SECTIONS = (
    config.Listener,
    config.Host,
    config.Route,
    config.Merchant,
    config.ServiceSettings,
    config.ReversalSettings,
    config.LimitSettings,
    config.AbuseSettings,
    config.CaseSettings,
    config.AccountSettings,
    rules.RuleSet,
    people.Person,
    config.SettlementConfig,
    config.NoticeSettings,
    config.CanarySettings,
    config.BackupSettings,
    config.RegistryConfig,
    config.KeySettings,
    HsmSettings,
    Pkcs11Settings,
    config.Admin,
    config.JournalConfig,
    config.Drain,
    config.WireLimits,
)


def test_the_page_on_charges_is_drawn_from_the_table() -> None:
    assert (ROOT / "docs" / "charge.md").read_text("utf-8") == diagram.page()


def test_the_page_on_account_services_is_drawn_from_their_tables() -> None:
    assert (ROOT / "docs" / "accounts.md").read_text("utf-8") == diagram.accounts_page()


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_key_of_the_configuration_stands_in_readme(section: type[msgspec.Struct]) -> None:
    names = {name.rpartition(".")[2] for name in re.findall(r"`([a-z_.0-9]+)`", README)}
    missing = {name for name in section.__struct_fields__ if name not in names}
    assert not missing


def test_no_document_holds_two_versions_of_a_place() -> None:
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")):
        assert not re.search(r"^(<<<<<<<|>>>>>>>) ", path.read_text("utf-8"), re.MULTILINE), path


def test_every_file_that_readme_points_to_exists() -> None:
    for name in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / name).exists(), name


def test_every_function_on_the_way_of_one_message_exists() -> None:
    walk = README.split("### One message, terminal to host and back")[1].split("###")[0]
    sources = "".join(
        path.read_text("utf-8")
        for package in ("gateway", "routing")
        for path in (ROOT / package).rglob("*.py")
    )
    functions = set(re.findall(r"`(?:\w+\.)?(_?[a-z_]+)`", walk)) - {"py"}
    assert functions
    for function in functions:
        assert re.search(rf"def {function}\(", sources), function
