"""Ceremonies against a module and a token as real processes: components in, the gateway starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from codec.keys import check_value
from tests.adversity.stage import ROOT, START_S, Stage, free_ports, wait_until
from tests.gateway.custodies import PIN, token_settings

pytestmark = pytest.mark.slow

OWNER = "123456789012345|10000001"
COMPONENTS = ("0123456789ABCDEFFEDCBA9876543210", "1032547698BADCFE0123456789ABCDEF")
TMK = bytes(a ^ b for a, b in zip(*(bytes.fromhex(each) for each in COMPONENTS), strict=True))
CHECK = check_value(TMK).hex().upper()


def isogate(*arguments: str, typed: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        input=typed.encode(),
        capture_output=True,
        cwd=ROOT,
        timeout=START_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def ceremony(stage: Stage, typed: tuple[str, ...]) -> None:
    """Two persons bring their components, one before the gateway runs and one beside it."""
    _, _, _, *where = stage.command("keys")
    for number, each in enumerate(typed):
        check = check_value(bytes.fromhex(COMPONENTS[number]), length=3).hex()
        options = ("--owner", OWNER, "--check", check, "--who", f"person {number}")
        isogate(where[0], where[1], *("import", "--component"), *where[2:], *options, typed=each)
        if number == 0:
            stage.gateway(ready=False)
    told = json.loads(isogate(where[0], where[1], "list", "--json", *where[2:]))
    assert [(key["key"], key["check"]) for key in told["keys"]] == [(f"tmk/des/{OWNER}", CHECK)]


def test_components_from_a_modules_console_make_a_key_in_it(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    typed = tuple(isogate("hsm", "--console", each) for each in COMPONENTS)
    assert not any(each in "".join(typed) for each in COMPONENTS)
    with Stage(tmp_path, keys__custody="hsm", keys__hsm__port=port) as stage:
        module = stage.run(
            [sys.executable, "-m", "gateway", "hsm", "--listen", f"127.0.0.1:{port}"], "hsm.log"
        )
        wait_until(lambda: _listens(port, module), START_S, "the module listens")
        ceremony(stage, typed)
        module.kill()
        module.wait()
        # What needs no key goes on without the module.
        assert stage.ask("livez")[0] == 200
    _nothing_clear_in(tmp_path)


def test_components_that_are_typed_make_a_key_in_a_token(tmp_path: Path) -> None:
    token = token_settings()
    os.environ["ISOGATE_TEST_PIN"] = PIN
    settings = {"keys__custody": "pkcs11", "keys__pkcs11__module": token.module}
    settings |= {"keys__pkcs11__token": token.token, "keys__pkcs11__pin__env": "ISOGATE_TEST_PIN"}
    try:
        with Stage(tmp_path, **settings) as stage:
            ceremony(stage, COMPONENTS)
    finally:
        del os.environ["ISOGATE_TEST_PIN"]
    _nothing_clear_in(tmp_path)


def _listens(port: int, module: subprocess.Popen[bytes]) -> bool:
    assert module.poll() is None
    state = f":{port:04X} 00000000:0000 0A"
    return state in Path("/proc/net/tcp").read_text()


def _nothing_clear_in(folder: Path) -> None:
    secrets = [bytes.fromhex(each) for each in COMPONENTS] + [TMK]
    forms = [form for each in secrets for form in (each, each.hex().encode())]
    for file in folder.iterdir():
        content = file.read_bytes()
        assert not [f for f in forms if f in content or f.upper() in content], file.name
