"""The configuration's section `[keys]`: who keeps the keys, and under what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator


class SecretSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a secret comes from; one of these."""

    file: str = ""
    """Hexadecimal digits, readable by its owner alone."""
    env: str = ""
    """The name of a variable, which is removed from the environment once it is read."""
    credential: str = ""
    """The name of a systemd credential (`LoadCredential=`, `LoadCredentialEncrypted=`)."""

    def problems(self, key: str) -> Iterator[str]:
        """What is wrong with it, without reading it."""
        given = [name for name in self.__struct_fields__ if getattr(self, name)]
        if len(given) != 1:
            yield f"{key}: give one of file, env and credential"


NOWHERE = SecretSource()


class KeySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who keeps the keys."""

    custody: Literal["none", "software"] = "none"
    """`software`: this process; for tests and small shops."""
    kek: SecretSource = NOWHERE
    """The key-encryption key of the software custody: 32 bytes."""
    older_kek: tuple[SecretSource, ...] = ()
    """KEKs that keys may still be under; `isogate keys rewrap` ends the need for them."""
    file: str = ""
    """Wrapped keys, in TOML, that are taken at the start where none hangs in their place."""
