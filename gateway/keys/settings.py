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


class Pkcs11Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token behind a PKCS#11 module."""

    module: str = ""
    """The path of the module's library."""
    token: str = ""
    """The token's label."""
    pin: SecretSource = NOWHERE
    """The user's PIN, as text."""
    waiting_max: int = 256
    """Calls that wait for the token; more are refused."""


class HsmSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A security module of the payShield kind."""

    address: str = "127.0.0.1"
    port: int = 1500
    header_characters: int = 4
    """As the module is configured."""
    pci_key_types: bool = False
    """Whether TMKs are of type 80D and PIN keys of 70D, where both are 002 otherwise."""
    timeout_s: float = 2.0
    """From asking to the answer."""
    in_flight_max: int = 64
    """Commands at the module at a time."""
    waiting_max: int = 4_096
    """Commands asked and not answered; more are refused."""
    silences_max: int = 5
    """Commands without an answer, in a row, that end the connection."""
    reconnect_s: float = 0.2
    reconnect_max_s: float = 10.0


class KeySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who keeps the keys."""

    custody: Literal["none", "software", "pkcs11", "hsm"] = "none"
    """`software`: this process; for tests and small shops."""
    kek: SecretSource = NOWHERE
    """The key-encryption key of the software custody: 32 bytes."""
    older_kek: tuple[SecretSource, ...] = ()
    """KEKs that keys may still be under; `isogate keys rewrap` ends the need for them."""
    pkcs11: Pkcs11Settings = Pkcs11Settings()
    hsm: HsmSettings = HsmSettings()
    file: str = ""
    """Wrapped keys, in TOML, that are taken at the start where none hangs in their place."""
