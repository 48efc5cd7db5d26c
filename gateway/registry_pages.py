"""The registry over HTTP: entries read, put and changed, each with its version.

Whoever puts or changes an entry says which version it has seen (0: there is none yet); if that is
not the newest, nothing is changed, and the reply is 409 with the newest one's number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.routing import Route

from gateway.desk.requests import ChangeEntry, PutMerchant, PutTerminal
from gateway.http_bodies import ASKED_BYTES_MAX, BadRequestError, body_of, json_reply
from routing.entries import MerchantEntry, TerminalEntry

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from gateway.desk.desk import Desk
    from gateway.desk.requests import AnyRequest
    from routing.registry import Registry
    from routing.switch import Switch

    Page = Callable[[Request], Awaitable[Response]]

_LISTED_MAX: Final = 100
_MERCHANT: Final = "/registry/merchants/{merchant}"


class Put(msgspec.Struct, forbid_unknown_fields=True):
    """Body of PUT: the whole entry, without the names that stand in the path."""

    version: int
    entry: dict[str, Any]
    why: str = ""
    who: str = ""


class Patch(msgspec.Struct, forbid_unknown_fields=True):
    """Body of PATCH: new values by field, null for the field's default."""

    version: int
    changes: dict[str, Any]
    why: str = ""
    who: str = ""


class RegistryPages:
    """What stands under /registry."""

    def __init__(self, switch: Switch, desk: Desk, who: Callable[[Request, str], str]) -> None:
        self._switch = switch
        self._desk = desk
        self._who = who

    def routes(self, guarded: Callable[[Page], Page]) -> list[Route]:
        """The pages; `guarded` lets nobody in who may not change anything."""
        put, patch = guarded(self._put), guarded(self._patch)
        terminal = _MERCHANT + "/terminals/{terminal}"
        return [
            Route("/registry/merchants", self._merchants),
            Route(_MERCHANT, self._shown),
            Route(_MERCHANT, put, methods=["PUT"]),
            Route(_MERCHANT, patch, methods=["PATCH"]),
            Route(_MERCHANT + "/terminals", self._terminals),
            Route(terminal, self._shown),
            Route(terminal, put, methods=["PUT"]),
            Route(terminal, patch, methods=["PATCH"]),
        ]

    @property
    def _registry(self) -> Registry:
        return self._switch.life.registry

    async def _merchants(self, request: Request) -> Response:
        after = request.query_params.get("after", "")
        return self._listed([each for each in self._registry.merchants() if each.id > after])

    async def _terminals(self, request: Request) -> Response:
        after = request.query_params.get("after", "")
        terminals = self._registry.terminals(request.path_params["merchant"])
        return self._listed([each for each in terminals if each.id > after])

    def _listed(self, entries: Sequence[MerchantEntry | TerminalEntry]) -> Response:
        """So many; the rest by `after`, the last one's id."""
        return json_reply([self._versioned(each) for each in entries[:_LISTED_MAX]])

    def _versioned(self, entry: MerchantEntry | TerminalEntry) -> dict[str, Any]:
        return {"version": self._registry.version(entry), "entry": msgspec.to_builtins(entry)}

    async def _shown(self, request: Request) -> Response:
        merchant, terminal = _names(request)
        entry: MerchantEntry | TerminalEntry | None = self._registry.merchant(merchant)
        if terminal:
            entry = self._registry.terminal(merchant, terminal)
        if entry is None:
            return json_reply({"error": "not registered"}, 404)
        return json_reply(self._versioned(entry))

    async def _put(self, request: Request) -> Response:
        body = await body_of(request, Put, ASKED_BYTES_MAX)
        merchant, terminal = _names(request)
        wanted: AnyRequest
        if terminal:
            till = _entry(body.entry | {"merchant": merchant, "id": terminal}, TerminalEntry)
            wanted = PutTerminal(entry=till, version=body.version, why=body.why)
        else:
            shop = _entry(body.entry | {"id": merchant}, MerchantEntry)
            wanted = PutMerchant(entry=shop, version=body.version, why=body.why)
        return await self._does(request, wanted, body.who)

    async def _patch(self, request: Request) -> Response:
        body = await body_of(request, Patch, ASKED_BYTES_MAX)
        merchant, terminal = _names(request)
        wanted = ChangeEntry(
            merchant=merchant,
            terminal=terminal,
            changes=body.changes,
            version=body.version,
            why=body.why,
        )
        return await self._does(request, wanted, body.who)

    async def _does(self, request: Request, wanted: AnyRequest, claimed: str) -> Response:
        reply = await self._desk.do(wanted, self._who(request, claimed))
        return json_reply(
            reply.facts if reply.ok else reply.facts | {"error": reply.said}, reply.status
        )


def _names(request: Request) -> tuple[str, str]:
    return request.path_params["merchant"], request.path_params.get("terminal", "")


def _entry(data: dict[str, Any], kind: type[Any]) -> Any:
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise BadRequestError(str(error)) from None
