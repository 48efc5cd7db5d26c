"""Real processes: the desk's commands beside a gateway that runs, is killed, and runs again."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.adversity.peers import APPROVE, PAN, Host, Terminal, sale
from tests.adversity.stage import ROOT, Stage, wait_until

pytestmark = pytest.mark.slow


def isogate(stage: Stage, verb: str, *arguments: str) -> tuple[int, Any]:
    """Exit status and JSON of one of the stage's commands."""
    command = stage.command(verb)
    place = command.index(verb) + 2
    whole = [*command[:place], *arguments, *command[place:], "--json"]
    done = subprocess.run(whole, cwd=ROOT, capture_output=True, timeout=60, check=False)
    assert PAN.encode() not in done.stdout + done.stderr
    return done.returncode, json.loads(done.stdout or b"null")


def sell(stage: Stage, number: int, terminal: str = "T0000001") -> None:
    """A sale that ends as presumed served."""
    with Terminal(stage.port) as conn:
        assert conn.ask(sale(number, APPROVE, terminal)) == "00"
        wait_until(lambda: _served(stage) >= number, 10, "the sale is served")


def _served(stage: Stage) -> int:
    return int(stage.audit()[1]["served"])


def test_a_disputes_way_through_two_persons_and_a_kill(tmp_path: Path) -> None:
    with Stage(tmp_path) as stage, Host(stage.host_port) as host:
        gateway = stage.gateway()
        sell(stage, 1)
        assert isogate(stage, "cases", "dispute", "1", "--who", "Ana")[1]["said"] == "frozen"
        close = ("close", "1", "--as", "retry", "--who", "Ana")
        assert isogate(stage, "cases", *close)[0] == 0
        gateway.kill()
        gateway.wait()
        stage.gateway()
        status, (case,) = isogate(stage, "cases", "list")
        assert (status, case["proposed_by"]) == (0, "Ana")
        assert isogate(stage, "cases", "confirm", "1", "--who", "Ana")[0] == 1
        assert isogate(stage, "cases", "confirm", "1", "--who", "Ben")[0] == 0
        report = stage.until_all_ended(20)
        assert (report["reversed"], report["violations"]) == (1, [])
        assert len(host.of_type("0420")) >= 1
        _, story = isogate(stage, "audit", "--charge", "1")
        assert {"Ana", "Ben", "host bank", "gateway"} <= {line["who"] for line in story}


def test_a_complaint_and_the_next_days_file(tmp_path: Path) -> None:
    up_to = "{840 = 1000}"
    with Stage(tmp_path, cases__complaint_reverses_up_to=up_to) as stage, Host(stage.host_port):
        stage.gateway()
        sell(stage, 1)
        sell(stage, 2)
        status, reply = isogate(stage, "complaint", "--charge", "1", "--who", "Ana")
        assert (status, reply["said"]) == (0, "reversal begun")
        report = stage.until_all_ended(20)
        assert (report["reversed"], report["served"]) == (1, 1)
        assert isogate(stage, "complaint", "--charge", "1")[1]["said"] == "reversed"
        lines = {line["id"]: line for line in stage.audit("--each")[1]["each"]}
        rows = [f"{each['host_stan']},{each['host_de7']},1000" for each in lines.values()]
        file = tmp_path / "settled.csv"
        file.write_text("\n".join(("stan,de7,amount", *rows, "999999,0101000000,5")) + "\n")
        today = time.strftime("%Y-%m-%d", time.gmtime())
        wanted = ("--host", "bank", "--file", str(file), "--date", today)
        status, found = isogate(stage, "reconcile", *wanted)
        kinds = sorted(each["kind"] for each in found["differences"])
        assert (status, kinds) == (1, ["they_approved_unknown_here", "they_approved_we_not"])
        _, (case,) = isogate(stage, "cases", "list")
        assert (case["id"], case["reason"]) == (1, "settlement_charged")
        assert (
            'gateway_recon_diffs_total{kind="they_approved_we_not"} 1.0' in stage.ask("metrics")[1]
        )
        isogate(stage, "reconcile", *wanted)
        assert len(isogate(stage, "cases", "list")[1]) == 1
        assert isogate(stage, "hosts")[1][0]["differences"] == 2


def test_a_test_charge_through_a_running_gateway(tmp_path: Path) -> None:
    card = tmp_path / "card"
    card.write_text("6200000000000005\n")
    files = f"{{bank = '{card}'}}"
    with (
        Stage(tmp_path, canary__card_files=files, canary__currency="'840'") as stage,
        Host(stage.host_port) as host,
    ):
        stage.gateway()
        status, reply = isogate(stage, "canary")
        assert (status, reply["facts"]) == (0, {"bank": ""})
        assert 'gateway_canary_ok{host="bank"} 1.0' in stage.ask("metrics")[1]
        assert (len(host.of_type("0200")), len(host.of_type("0420"))) == (1, 1)
        report = stage.audit()[1]
        assert (report["canaries"], report["charges"], report["violations"]) == (1, 0, [])


def test_the_registry_is_loaded_and_changed_beside_a_gateway_and_outlives_its_kill(
    tmp_path: Path,
) -> None:
    file = tmp_path / "shops.toml"
    file.write_text(
        '[[merchant]]\nid = "MERCHANT0000001"\n'
        '[[terminal]]\nmerchant = "MERCHANT0000001"\nid = "T0000001"\n'
    )
    with Stage(tmp_path, registry__required="true") as stage, Host(stage.host_port):
        gateway = stage.gateway()
        with Terminal(stage.port) as conn:
            assert conn.ask(sale(1, APPROVE)) == "03"
            assert isogate(stage, "registry", "load", str(file))[1]["changed"] == 2
            assert conn.ask(sale(2, APPROVE)) == "00"
            change = ("registry", "change", "MERCHANT0000001", "T0000001", "state=SUSPENDED")
            assert isogate(stage, *change, "--version", "1", "--who", "Ana")[0] == 0
            gateway.kill()
        gateway.wait()
        stage.gateway()
        with Terminal(stage.port) as conn:
            assert conn.ask(sale(3, APPROVE)) == "58"
        assert isogate(stage, *change, "--version", "1")[0] == 1
        status, verified = isogate(stage, "audit", "--log")
        assert (status, verified["lines"], verified["broken"]) == (0, 4, "")
