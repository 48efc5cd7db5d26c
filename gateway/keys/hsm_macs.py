"""How our MAC schemes are asked of a security module: which algorithm, over which bytes.

Padding and folding need no key and are done here, so that what is asked is always whole blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.keys.port import CustodyError

if TYPE_CHECKING:
    from gateway.keys.port import MacJob, MacScheme

_BLOCK: Final = 8
_FIELD_BYTES: Final = 8
_HALF: Final = 4
_ALGORITHMS: Final = {"cup-ecb": "1", "x9.9": "1", "x9.19": "3"}
_DOUBLE: Final = 16


class MacCommand(NamedTuple):
    """What a module is asked for one MAC."""

    algorithm: str
    data: bytes
    scheme: MacScheme

    @property
    def _as_hex(self) -> bool:
        return self.scheme.form == "hex" or (
            self.scheme.form is None and self.scheme.algorithm == "cup-ecb"
        )

    def field_of(self, code: bytes) -> bytes:
        """What stands in the MAC's field for a whole code."""
        whole = code[:_HALF].hex().upper().encode() if self._as_hex else code
        return whole[: self.scheme.keep].ljust(_FIELD_BYTES, b"\0")

    def code_in(self, field: bytes) -> bytes | None:
        """The four or eight bytes of code that a field claims; b'' if it is another number, None if
        the field can't be right.
        """
        if len(field) != _FIELD_BYTES or any(field[self.scheme.keep :]):
            return None
        if self._as_hex:
            if self.scheme.keep != _FIELD_BYTES:
                return b""
            text = field.decode("latin-1")
            if not all(each in "0123456789ABCDEF" for each in text):
                return None
            return bytes.fromhex(text)
        return field[: self.scheme.keep] if self.scheme.keep in (_HALF, _FIELD_BYTES) else b""


def mac_command(job: MacJob) -> MacCommand:
    """Raises CustodyError for what an LMK of variants has not."""
    scheme = job.scheme
    if scheme.algorithm not in _ALGORITHMS:
        raise CustodyError(f"an LMK of variants makes no MACs by {scheme.algorithm}")
    if scheme.algorithm == "x9.19" and job.key.length != _DOUBLE:
        # In the words of `codec.mac`, whose rule it is.
        raise CustodyError(f"a key for x9.19 has 16 or 32 bytes, found {job.key.length}")
    data = _folded(job.data) if scheme.algorithm == "cup-ecb" else _padded(job.data, scheme.padding)
    return MacCommand(_ALGORITHMS[scheme.algorithm], data, scheme)


def _folded(data: bytes) -> bytes:
    total = 0
    for at in range(0, len(data), _BLOCK):
        total ^= int.from_bytes(data[at : at + _BLOCK].ljust(_BLOCK, b"\0"))
    return total.to_bytes(_BLOCK).hex().upper().encode()


def _padded(data: bytes, method: int) -> bytes:
    """ISO 9797-1's methods 1 to 3."""
    if method == 2:  # noqa: PLR2004 - ISO 9797-1's number
        data += b"\x80"
    whole = data + bytes(-len(data) % _BLOCK)
    if method == 3:  # noqa: PLR2004 - ISO 9797-1's number
        return (8 * len(data)).to_bytes(_BLOCK) + (whole or bytes(_BLOCK))
    return whole or bytes(_BLOCK)
