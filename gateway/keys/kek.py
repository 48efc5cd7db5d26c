"""Where the key-encryption key comes from: a file, an environment variable, a systemd credential.

A file that others can read is refused.  A variable is removed from the environment, and its text in
the process's first memory is overwritten, so that neither children nor `/proc/PID/environ` show it.
The key in `examples/` is no secret: it is taken from wherever it stands, with a warning.
"""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from codec import KeyMaterialError
from codec.keys import Secret, wipe
from gateway.keys.files import read_secret
from gateway.keys.port import CustodyError
from gateway.keys.safe import KEK_BYTES, name_of

if TYPE_CHECKING:
    from gateway.keys.settings import SecretSource

SAMPLE: Final = "kek-fdcc69f6"
"""The name of the key that lies in `examples/` for everybody to read."""
_OTHERS: Final = 0o077
_CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"


def secret_from(
    source: SecretSource, key: str, *, looking: bool = False, as_text: bool = False
) -> Secret:
    """The key that `source` names, which `key` of the configuration is.  Raises CustodyError.

    `looking` leaves a variable in the environment; `as_text` takes the text as it is, where it
    would be hexadecimal digits otherwise.
    """
    try:
        if source.env:
            return _from_environment(source.env, looking=looking, as_text=as_text)
        found = read_secret(path_of(source), as_text=as_text)
    except OSError as error:
        raise CustodyError(f"{key}: {error.strerror}") from None
    except KeyMaterialError as error:
        raise CustodyError(f"{key}: {error}") from None
    if source.file and not _is_sample(found) and Path(source.file).stat().st_mode & _OTHERS:
        message = f"{key}.file = {source.file!r}: others can read it; chmod 600 it"
        raise CustodyError(message)
    return found


def path_of(source: SecretSource) -> Path:
    """The file that a source names, its own or systemd's.  Raises OSError."""
    if source.file:
        return Path(source.file)
    folder = os.environ.get(_CREDENTIALS, "")
    if not folder:
        raise OSError(0, f"systemd gave no credentials: {_CREDENTIALS} is not set")
    return Path(folder) / source.credential


def _from_environment(name: str, *, looking: bool, as_text: bool) -> Secret:
    text = os.environ.get(name)
    if text is None:
        raise OSError(0, f"the environment has no {name}")
    digits = bytearray(text.encode())
    try:
        found = Secret(digits) if as_text else Secret.from_hex(digits)
    finally:
        wipe(digits)
    if not looking:
        forget(name)
    return found


def forget(name: str) -> None:
    """Take a variable out of the environment, and its text out of memory where that is ours."""
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_void_p
    place = getenv(name.encode())
    if place:
        ctypes.memset(place, ord("0"), len(ctypes.string_at(place)))
    with suppress(KeyError):
        del os.environ[name]


def _is_sample(kek: Secret) -> bool:
    return len(kek) == KEK_BYTES and name_of(kek) == SAMPLE
