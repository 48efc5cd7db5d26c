"""A PKCS#11 token: one session, used by one thread at a time, opened anew when it is lost.

The library is `python-pkcs11`, which is optional: `pip install 'isogate[pkcs11]'`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import trio

from gateway.keys.port import CustodyError, CustodyUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from codec.keys import Secret
    from gateway.keys.settings import Pkcs11Settings

Result = TypeVar("Result")

_LOST: Final = (
    *("SessionClosed", "SessionHandleInvalid", "UserNotLoggedIn", "TokenNotPresent", "NoSuchToken"),
    *("DeviceError", "DeviceMemory", "DeviceRemoved", "TokenNotRecognised", "GeneralError"),
    *("FunctionFailed", "HostMemory", "SlotIDInvalid", "SessionCount"),
)
"""Errors after which a new session may do better."""


class Token:
    """A token of a PKCS#11 module."""

    def __init__(self, settings: Pkcs11Settings, pin: Secret) -> None:
        self._settings = settings
        self._pin = pin
        self._errors = _library().exceptions
        self._lost = tuple(getattr(self._errors, name) for name in _LOST)
        self._session: Any = None
        self._turn = trio.CapacityLimiter(1)
        self.waiting = 0

    def __repr__(self) -> str:
        return f"<Token {self._settings.token}>"

    async def run(self, work: Callable[[Any], Result]) -> Result:
        """What `work` makes of a session, in a thread, after everybody who came before."""
        if self.waiting >= self._settings.waiting_max:
            raise CustodyUnavailableError("too much waits for the token already")
        self.waiting += 1
        try:
            return await trio.to_thread.run_sync(self._work, work, limiter=self._turn)
        finally:
            self.waiting -= 1

    def _work(self, work: Callable[[Any], Result]) -> Result:
        try:
            if self._session is None:
                self._session = self._opened()
            return work(self._session)
        except self._lost as error:
            self._session = None
            why = f"the token does not work: {type(error).__name__}"
            raise CustodyUnavailableError(why) from None
        except self._errors.PKCS11Error as error:
            raise CustodyError(f"the token refused: {type(error).__name__}") from None

    def _opened(self) -> Any:
        pkcs11 = _library()
        module = self._settings.module
        try:
            found = pkcs11.lib(module).get_token(token_label=self._settings.token)
        except RuntimeError:
            raise CustodyError(f"keys.pkcs11.module = {module!r}: can't be loaded") from None
        return found.open(user_pin=bytes(self._pin).decode(), rw=True)

    def close(self) -> None:
        """End the session."""
        session, self._session = self._session, None
        if session is not None:
            session.close()


def _library() -> Any:
    try:
        import pkcs11  # noqa: PLC0415 - optional
    except ImportError:
        message = "PKCS#11 needs the library python-pkcs11: pip install 'isogate[pkcs11]'"
        raise CustodyError(message) from None
    return pkcs11
