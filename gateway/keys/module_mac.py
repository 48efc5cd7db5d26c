"""A MAC key that its custody does not release: what stands for it in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gateway.keys.port import MacScheme
    from gateway.keys.wrapped import WrappedKey


class ModuleMac(NamedTuple):
    """A key that only a security module can use, and how."""

    key: WrappedKey
    scheme: MacScheme
