"""Who a caller is: the token file of the admin side.

One line is a token that all share: callers then say their own names, and are believed.  Lines of
`name: token` give each person one; the name is then the token's, whatever the caller says.
A token may stand there as `sha256:<hex>`, so that reading the file does not give it away.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_HASHED: Final = "sha256:"
_NAME: Final = re.compile(r"(?!.*\d{8})[\w.@ -]{0,40}")
"""Nothing that a card number could hide in."""
_NAMED: Final = re.compile(r"([\w.@-]+): +(\S+)")


class NotAllowedError(Exception):
    """This caller may not change anything; the message says why."""


class People:
    """The persons of a token file; without one, whoever asks."""

    def __init__(self, text: str = "") -> None:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        matches = [_NAMED.fullmatch(line) for line in lines]
        self._named = [(match[1], match[2]) for match in matches if match is not None]
        self._shared = lines if not self._named else []
        if len(self._shared) > 1 or (self._named and len(self._named) < len(lines)):
            message = "either one token for all, or lines of a name, a colon and a token"
            raise ValueError(message)

    @classmethod
    def of(cls, path: str) -> People:
        """The persons of a file; '' for none.  Raises OSError or ValueError."""
        return cls(Path(path).read_text("utf-8") if path else "")

    @classmethod
    def problems(cls, path: str) -> Iterator[str]:
        """What is wrong with a token file: key, value and why."""
        try:
            cls.of(path)
        except (OSError, ValueError) as error:
            yield f"admin.token_file = {path!r}: {error}"

    @property
    def shared_token(self) -> str:
        """The token that all share; '' if there is none."""
        return self._shared[0] if self._shared else ""

    def who(self, token: str, claimed: str) -> str:
        """The caller's name ('' if nobody said one).  Raises NotAllowedError."""
        if not _NAME.fullmatch(claimed):
            message = "who: letters, dots, blanks and few digits, no more than 40 in all"
            raise NotAllowedError(message)
        for name, known in self._named:
            if _is_same(token, known):
                if claimed not in ("", name):
                    message = f"this token is {name}'s, not {claimed}'s"
                    raise NotAllowedError(message)
                return name
        if self._named or (self._shared and not _is_same(token, self.shared_token)):
            message = "authorization: Bearer token needed"
            raise NotAllowedError(message)
        return claimed


def _is_same(token: str, known: str) -> bool:
    if known.startswith(_HASHED):
        token = _HASHED + hashlib.sha256(token.encode()).hexdigest()
    return hmac.compare_digest(token.encode(), known.encode())
