"""Bodies of the HTTP side: read up to a bound, decoded by their type, and written as JSON."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from starlette.responses import Response

from codec import mask

if TYPE_CHECKING:
    from starlette.requests import Request

BODY_BYTES_MAX: Final = 4_096
ASKED_BYTES_MAX: Final = 262_144
"""Of what is asked of the desk, and of entries of the registry: a load brings many at once."""
Body = TypeVar("Body", bound=msgspec.Struct)


class BadRequestError(Exception):
    """The request can't be understood; answered 400 with this text."""


def json_reply(value: Any, status: int = 200) -> Response:
    """A reply with a JSON body."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def refusal_reply(why: str, status: int) -> Response:
    """Why not; what is wrong with a body may name a value of it, and that may be anything."""
    return json_reply({"error": mask.text(why)}, status)


async def body_of(request: Request, kind: type[Body], bytes_max: int = BODY_BYTES_MAX) -> Body:
    """The body as a `kind`.  Raises BadRequestError."""
    data = bytearray()
    async with aclosing(request.stream()) as chunks:
        async for chunk in chunks:
            data += chunk
            if len(data) > bytes_max:
                message = f"body longer than {bytes_max} bytes"
                raise BadRequestError(message)
    try:
        return msgspec.json.decode(bytes(data), type=kind)
    except msgspec.MsgspecError as error:
        raise BadRequestError(str(error)) from None
