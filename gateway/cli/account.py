"""`account`: requests about merchants' accounts and terminals, asked, decided and explained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from gateway.cli.common import (
    EXIT_NOT_DONE,
    USAGE_ERROR,
    AsJson,
    ConfigPath,
    Overrides,
    TokenFile,
    Who,
    configuration,
    print_json,
    print_table,
    told,
)
from gateway.cli.desk import ask_desk
from gateway.cli.settlement import keyed_twice
from gateway.desk import accounts
from gateway.desk.requests import Account, DeskError, Reply
from routing.accounts.asked import Action, File, Record, Verb
from routing.accounts.refusals import Language

app = typer.Typer(
    help="Requests about accounts and terminals: ask, decide, explain.", no_args_is_help=True
)
Merchant = Annotated[str, typer.Argument(metavar="MERCHANT", help="DE 42.")]
RequestId = Annotated[str, typer.Argument(metavar="REQUEST", help="Its number, like A1-1.")]
Terminal = Annotated[str, typer.Option("--terminal", help="DE 41: about this terminal only.")]
Lang = Annotated[Language, typer.Option("--lang", help="In what people are told.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, in words.")]
Particulars = Annotated[
    list[str] | None,
    typer.Option(
        "--with",
        metavar="NAME=VALUE",
        help="Any other particular of a record: state, kind, name, contact, evidence, what ...",
    ),
]
Card = Annotated[
    bool,
    typer.Option("--card", help="A settlement card's number: typed twice, enciphered at once."),
]
Documents = Annotated[
    list[Path] | None,
    typer.Option("--document", metavar="FILE", help="Its hash goes on file under its name."),
]


def register(parent: typer.Typer) -> None:
    """Add the group."""
    parent.add_typer(app, name="account")


def _record(particulars: list[str] | None, **known: Any) -> Record:
    """A record of options; values are JSON where they are, else text.  Raises DeskError."""
    data = {name: value for name, value in known.items() if value}
    for each in particulars or ():
        name, equals, text = each.partition("=")
        if not equals:
            message = f"--with {each}: NAME=VALUE"
            raise DeskError(message)
        data[name] = _value(text) if name in _NOT_TEXT else text
    try:
        return msgspec.convert(data, Record)
    except msgspec.ValidationError as error:
        raise DeskError(str(error)) from None


_NOT_TEXT = frozenset({"docs", "begins", "ends", "hours", "ok", "rules", "change", "marks", "plan"})


def _value(text: str) -> Any:
    try:
        return msgspec.json.decode(text.encode())
    except msgspec.DecodeError:
        return text


def _hashes(documents: list[Path] | None) -> dict[str, str]:
    return {path.stem: accounts.hash_of(path) for path in documents or ()}


def print_told(reply: Reply, lang: Language, *, as_json: bool) -> None:
    """What came of it, and what to do next; exit status 1 if it was refused."""
    if as_json:
        print_json(reply)
    else:
        facts = reply.facts
        title = facts.get("title", {}).get(lang, "")
        state = f" {facts['state']}" if facts.get("state") else ""
        typer.echo(f"{facts.get('request') or '-'}{state}: {title or reply.said}", err=not reply.ok)
        for obstacle in facts.get("obstacles", []):
            until = f" ({obstacle['until']} UTC)" if obstacle["until"] else ""
            typer.echo(f"  {obstacle['code']} {obstacle[lang]}{until}", err=not reply.ok)
        if facts.get("wrong"):
            typer.echo(f"  fields: {', '.join(facts['wrong'])}", err=True)
        for sentence in facts.get("next", {}).get(lang, []):
            typer.echo(f"  -> {sentence}", err=not reply.ok)
        if facts.get("token"):
            typer.echo(f"  token {facts['token']}")
    if not reply.ok:
        raise typer.Exit(EXIT_NOT_DONE)


@app.command()
def enquire(  # noqa: PLR0913 - an option each
    config: ConfigPath,
    merchant: Merchant,
    set_: Overrides = None,
    *,
    terminal: Terminal = "",
    file: Annotated[File | None, typer.Option("--file", help="What it is about.")] = None,
    state: Annotated[
        str, typer.Option("--state", help="Of a terminal: CANCELLED, DEACTIVATED or ACTIVE.")
    ] = "",
    lang: Lang = Language.ENGLISH,
    who: Who = "",
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Every obstacle at once, what it takes, and the token that a request needs."""
    settings = configuration(config, set_)
    with told():
        about = file or (File.TERMINAL if terminal else File.MERCHANT)
        record = _record(None, merchant=merchant, terminal=terminal, state=state)
        wanted = Account(verb=Verb.ENQUIRE, file=about, action=Action.ENQUIRE, record=record)
        print_told(ask_desk(settings, wanted, who, token_file), lang, as_json=as_json)


@app.command()
def request(  # noqa: PLR0913 - an option each
    config: ConfigPath,
    merchant: Merchant,
    set_: Overrides = None,
    *,
    token: Annotated[str, typer.Option("--token", help="From the enquiry.")] = "",
    file: Annotated[File | None, typer.Option("--file", help="What it is about.")] = None,
    action: Annotated[
        Action, typer.Option("--action", help="1 add, 2 change, 3 delete (cancel).")
    ] = Action.DELETE,
    terminal: Terminal = "",
    state: Annotated[str, typer.Option("--state", help="Of a terminal, for action 2.")] = "",
    reason: Reason = "",
    document: Documents = None,
    card: Card = False,
    particulars: Particulars = None,
    lang: Lang = Language.ENGLISH,
    who: Who = "",
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Ask for something: by default to cancel the account of a merchant, or of one terminal."""
    settings = configuration(config, set_)
    with told():
        about = file or (File.TERMINAL if terminal else File.MERCHANT)
        record = _record(
            particulars,
            merchant=merchant,
            terminal=terminal,
            token=token,
            state=state,
            reason=reason,
            docs=_hashes(document),
            card=keyed_twice(settings) if card else "",
        )
        wanted = Account(verb=Verb.REQUEST, file=about, action=action, record=record)
        print_told(ask_desk(settings, wanted, who, token_file), lang, as_json=as_json)


def _on(verb: Verb, says: str) -> None:
    """A command for a word on a request that is under way."""

    def command(  # noqa: PLR0913 - an option each
        config: ConfigPath,
        request: RequestId,
        set_: Overrides = None,
        *,
        reason: Reason = "",
        what: Annotated[
            str, typer.Option("--what", help="The codes of a rejection; what is reported.")
        ] = "",
        document: Documents = None,
        card: Card = False,
        particulars: Particulars = None,
        lang: Lang = Language.ENGLISH,
        who: Who = "",
        token_file: TokenFile = None,
        as_json: AsJson = False,
    ) -> None:
        settings = configuration(config, set_)
        with told():
            docs = _hashes(document)
            known = {"request": request, "reason": reason, "what": what, "docs": docs}
            number = keyed_twice(settings) if card else ""
            record = _record(particulars, **known, card=number)
            wanted = Account(verb=verb, record=record)
            print_told(ask_desk(settings, wanted, who, token_file), lang, as_json=as_json)

    app.command(verb.value, help=says)(command)


for _verb, _says in (
    (Verb.APPROVE, "Approve it, as another person than its maker."),
    (Verb.REJECT, "Reject it, with codes: --what P5,P7."),
    (Verb.RESUME, "Hand in what it lacked, and have it looked at again."),
    (Verb.COUNTER, "Make a counter-proposal."),
    (Verb.ACCEPT, "Accept the counter-proposal."),
    (Verb.WITHDRAW, "Take it back."),
    (Verb.APPEAL, "Have another party than the refuser decide."),
    (Verb.REPORT, "Report a step that was done outside: --what verified:phone."),
):
    _on(_verb, _says)


@app.command("file")
def change_file(  # noqa: PLR0913 - an option each
    config: ConfigPath,
    merchant: Merchant,
    set_: Overrides = None,
    *,
    lock: Annotated[bool, typer.Option("--lock", help="Lock its account services.")] = False,
    reason: Reason = "",
    change: Annotated[
        str, typer.Option("--change", metavar="JSON", help='Such as {"region": "north"}.')
    ] = "",
    lang: Lang = Language.ENGLISH,
    who: Who = "",
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Change what is on file of a merchant: contract, documents, region, risk; or lock it."""
    settings = configuration(config, set_)
    with told():
        record = _record(
            [f"change={change}"] if change else None,
            merchant=merchant,
            what="lock" if lock else "",
            reason=reason,
        )
        wanted = Account(verb=Verb.FILE, record=record)
        print_told(ask_desk(settings, wanted, who, token_file), lang, as_json=as_json)


@app.command("list")
def list_requests(
    config: ConfigPath,
    set_: Overrides = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Ended ones, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Requests under way: whose turn it is, and until when."""
    settings = configuration(config, set_)
    with told():
        found = accounts.listed(settings, everything=everything)
    if as_json:
        print_json(found)
        return
    keys = ("request", "kind", "merchant", "terminal", "state", "owner", "due", "codes")
    print_table(f"{len(found)} request(s)", keys, found)


@app.command()
def explain(
    config: ConfigPath,
    request: RequestId,
    set_: Overrides = None,
    *,
    lang: Lang = Language.ENGLISH,
    as_json: AsJson = False,
) -> None:
    """The whole story of a request, to be read out."""
    settings = configuration(config, set_)
    with told():
        known = accounts.explained(settings, request)
    if not known:
        typer.echo(f"{request}: not in this journal", err=True)
        raise typer.Exit(USAGE_ERROR)
    if as_json:
        print_json(known)
        return
    typer.echo(f"{request}, {known['kind']} of {known['subject']}; times in UTC")
    for line in known["story"]:
        typer.echo(f"{line['at']}  {line[lang]}")
    for name in ("work_order", "serial", "category", "about"):
        if known.get(name):
            typer.echo(f"{name.replace('_', ' ')}: {known[name]}")
    if known.get("next"):
        due = f", until {known['due']}" if known["due"] else ""
        typer.echo(f"Next ({known['owner'] or 'nobody'}{due}): {known['next'][lang]}")
