"""`host`, `terminals`, `demo`: a bank, shops, and the whole play with the gateway between them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import trio
import typer

from gateway.cli.common import USAGE_ERROR
from gateway.demo import play
from gateway.simulators import host as host_program
from gateway.simulators import terminals as terminals_program
from gateway.simulators.host_script import HostScript
from gateway.simulators.terminal_options import TerminalOptions
from gateway.simulators.terminal_plan import Misbehaviour
from gateway.simulators.terminal_speech import SPEECHES

_MERCHANT_LENGTH: Final = 15
_SHARE: Final[dict[str, Any]] = {"min": 0.0, "max": 1.0, "metavar": "SHARE"}


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(host)
    app.command()(terminals)
    app.command()(demo)


def _usage(problem: str) -> typer.Exit:
    typer.echo(problem, err=True)
    return typer.Exit(USAGE_ERROR)


def _known_dialect(name: str | None) -> str | None:
    if name is not None and name not in SPEECHES:
        message = f"known are {', '.join(SPEECHES)}"
        raise typer.BadParameter(message)
    return name


def _merchant(name: str) -> str:
    if len(name) != _MERCHANT_LENGTH:
        message = f"a merchant has {_MERCHANT_LENGTH} characters"
        raise typer.BadParameter(message)
    return name


Dialect = Annotated[
    str | None, typer.Option(callback=_known_dialect, help=f"One of {', '.join(SPEECHES)}.")
]
MacAlgorithm = Annotated[
    str | None, typer.Option(help="none, cup-ecb, x9.9, x9.19 or aes-cmac (with a key file).")
]
MacKeyFile = Annotated[Path | None, typer.Option(help="The key, in hexadecimal digits.")]


def host(  # noqa: PLR0913 - an option each
    *,
    script: Annotated[
        Path | None, typer.Option(help="TOML file with these same names; options win over it.")
    ] = None,
    address: Annotated[str | None, typer.Option("--host", help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535)] = None,
    dialect: Dialect = None,
    seed: Annotated[int | None, typer.Option(help="Decides which message meets what.")] = None,
    silent: Annotated[
        float | None, typer.Option(**_SHARE, help="Charges decided and never answered.")
    ] = None,
    late: Annotated[
        float | None, typer.Option(**_SHARE, help="Charges answered after --late-s.")
    ] = None,
    late_s: Annotated[float | None, typer.Option(min=0.0)] = None,
    decline: Annotated[float | None, typer.Option(**_SHARE, help="Charges declined (51).")] = None,
    duplicate: Annotated[
        float | None, typer.Option(**_SHARE, help="Charges whose answer is sent twice.")
    ] = None,
    wrong_mac: Annotated[
        float | None, typer.Option(**_SHARE, help="Charges whose answer has a wrong MAC.")
    ] = None,
    reversal_silent: Annotated[
        float | None, typer.Option(**_SHARE, help="Reversals carried out and not answered.")
    ] = None,
    reversal_late: Annotated[
        float | None, typer.Option(**_SHARE, help="Reversals answered after --late-s.")
    ] = None,
    delay_ms: Annotated[float | None, typer.Option(min=0.0, help="Before any answer.")] = None,
    decline_over: Annotated[
        int | None, typer.Option(metavar="AMOUNT", help="Declined (61) above it; minor units.")
    ] = None,
    decline_pan_prefix: Annotated[
        list[str] | None, typer.Option(metavar="DIGITS", help="Cards declined (62).")
    ] = None,
    drop_link_at: Annotated[
        list[float] | None, typer.Option(metavar="SECONDS", help="Close all links then.")
    ] = None,
    sign_off_at: Annotated[float | None, typer.Option(metavar="SECONDS")] = None,
    sign_on_at: Annotated[float | None, typer.Option(metavar="SECONDS")] = None,
    sign_on_demanded: Annotated[
        bool | None, typer.Option("--sign-on-demanded", help="Answers 91 before a sign-on.")
    ] = None,
    sign_ons_refused: Annotated[int | None, typer.Option(min=0, help="The first so many.")] = None,
    zone_key_file: Annotated[
        Path | None, typer.Option(help="MAC keys are handed out under it, asked for or not.")
    ] = None,
    key_field: Annotated[int | None, typer.Option(min=2, max=128)] = None,
    key_change_at: Annotated[
        list[float] | None, typer.Option(metavar="SECONDS", help="Sends a new MAC key then.")
    ] = None,
    wrong_check_values: Annotated[
        int | None, typer.Option(min=0, help="Of the first so many keys.")
    ] = None,
    cut_over_at: Annotated[float | None, typer.Option(metavar="SECONDS")] = None,
    cut_over_s: Annotated[float | None, typer.Option(metavar="SECONDS")] = None,
    mac_algorithm: MacAlgorithm = None,
    mac_key_file: MacKeyFile = None,
    book: Annotated[Path | None, typer.Option(help="Where to write what was decided.")] = None,
) -> None:
    """Run a simulated bank host until SIGTERM; it keeps its own book (JSON lines)."""
    given = {
        name: value
        for name, value in locals().items()
        if name not in ("script", "address") and value is not None
    }
    if address is not None:
        given["host"] = address
    options = _script(script) | given
    for name in ("mac_key_file", "zone_key_file", "book"):
        options[name] = str(options.get(name, ""))
    try:
        trio.run(host_program.run, msgspec.convert(options, HostScript))
    except (msgspec.ValidationError, ValueError) as error:
        raise _usage(f"isogate host: {error}") from None
    except OSError as error:
        typer.echo(f"isogate host: {error}", err=True)
        raise typer.Exit(1) from None


def _script(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise _usage(f"--script {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _usage(f"--script {path}: not TOML: {error}") from None


def terminals(  # noqa: PLR0913 - an option each
    *,
    address: Annotated[str, typer.Option(metavar="HOST:PORT")] = "127.0.0.1:8583",
    dialect: Dialect = "iso87-ascii",
    merchant: Annotated[
        str, typer.Option(callback=_merchant, help="15 characters.")
    ] = "BAKERY000000001",
    service_class: Annotated[
        str, typer.Option("--class", help="approval (served at approval) or confirmation.")
    ] = "approval",
    count: Annotated[int, typer.Option(min=1, help="How many terminals.")] = 100,
    first: Annotated[int, typer.Option(min=0, help="Number of the first terminal.")] = 1,
    rate: Annotated[float, typer.Option(min=0.001, help="Sales a second in all.")] = 20.0,
    seconds: Annotated[float, typer.Option(min=0.0)] = 10.0,
    settle_s: Annotated[float, typer.Option(help="Time to settle what is unanswered.")] = 45.0,
    seed: int = 1,
    timeout_s: Annotated[float, typer.Option(help="How long to wait for an answer.")] = 35.0,
    vanish: Annotated[
        float, typer.Option(**_SHARE, help="Closes right after sending, comes back, settles.")
    ] = 0.0,
    vanish_for_good: Annotated[
        float, typer.Option(**_SHARE, help="Never comes back (confirmation class).")
    ] = 0.0,
    service_fails: Annotated[float, typer.Option(**_SHARE)] = 0.0,
    never_confirms: Annotated[
        float, typer.Option(**_SHARE, help="Approved, and then silence (confirmation class).")
    ] = 0.0,
    repeat_answered: Annotated[
        float, typer.Option(**_SHARE, help="Asks again for an answer it has.")
    ] = 0.0,
    garbage: Annotated[
        float, typer.Option(**_SHARE, help="Sends a broken frame first, on a line of its own.")
    ] = 0.0,
    mac_algorithm: MacAlgorithm = None,
    mac_key_file: MacKeyFile = None,
    tmk_file: Annotated[
        Path | None, typer.Option(help="The terminals' master key in hex: then they sign in.")
    ] = None,
    sign_in_code: Annotated[str, typer.Option(help="Its number; usually 003 or 001.")] = "",
    terminals_are_numbers: Annotated[
        bool, typer.Option(help="10000001 is called so, and not T0000001.")
    ] = False,
    settles: Annotated[bool, typer.Option(help="Closes its batch at the end, signs off.")] = False,
    book: Annotated[Path | None, typer.Option(help="Where to write how each sale ended.")] = None,
) -> None:
    """Run simulated terminals that sell, misbehave and settle; they keep their own book."""
    given = dict(locals())
    name, _, port = given.pop("address").rpartition(":")
    shares = {each: given.pop(each) for each in Misbehaviour.__struct_fields__}
    given |= {"host": name, "port": port, "misbehaviour": shares}
    given["mac_algorithm"] = mac_algorithm or "none"
    files = ("mac_key_file", "tmk_file", "book")
    given |= {each: str(given[each] or "") for each in files}
    try:
        trio.run(terminals_program.run, msgspec.convert(given, TerminalOptions, strict=False))
    except (msgspec.ValidationError, ValueError, OSError) as error:
        raise _usage(f"isogate terminals: {error}") from None


def demo(
    *,
    seconds: Annotated[float, typer.Option(min=3.0, help="How long the traffic lasts.")] = 30.0,
    terminals: Annotated[int, typer.Option("--terminals", min=4)] = 300,
    seed: Annotated[int, typer.Option(help="Decides which sale meets what.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line on stdout.")] = False,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep books, logs and journal there.")
    ] = None,
) -> None:
    """Play it all at once: terminals, gateway and bank as real processes, with faults and kill -9.

    At the end the terminals' book, the host's and the journal are held against each other.  Exit
    status 0 only if all three agree.
    """
    agreed = trio.run(play.run, play.Request(seconds, terminals, seed, as_json, keep))
    if not agreed:
        raise typer.Exit(1)
