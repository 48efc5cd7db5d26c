"""PIN blocks of ISO 9564: formats 0 to 3 in clear, format 4 under its AES key.

For the one place that may see a PIN: the key port, which translates a block from one key or format
to another.  Random digits come from the caller.  No error tells what is in a block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from codec.errors import PinBlockError

if TYPE_CHECKING:
    from codec._secret import Key

ClearFormat = Literal[0, 1, 2, 3]

_DIGITS: Final = frozenset("0123456789")
_FILLERS: Final = {0: frozenset("F"), 1: frozenset("0123456789ABCDEF"), 2: frozenset("F")}
_FILLERS_ISO_3: Final = frozenset("ABCDEF")
_PIN_DIGITS_MIN: Final = 4
_PIN_DIGITS_MAX: Final = 12
_PAN_DIGITS_MIN: Final = 13
_PAN_DIGITS_MAX: Final = 19
_NIBBLES: Final = 16
_WITH_PAN: Final = (0, 3)
_AES_BLOCK: Final = 16
_AES_KEY_BYTES: Final = (16, 24, 32)


def encode(form: ClearFormat, pin: str, pan: str = "", fill: str = "") -> bytes:
    """The clear block of eight bytes.

    `fill` gives at least as many random characters as the PIN leaves room for: hex digits for
    format 1, A to F for format 3; formats 0 and 2 fill themselves.

    >>> encode(0, "1234", "5555555551234567").hex()
    '041261aaaaedcba9'
    """
    _check_pin(pin)
    room = _NIBBLES - 2 - len(pin)
    filler = "F" * room if form in (0, 2) else fill[:room].upper()
    if len(filler) < room or not set(filler) <= _fillers(form):
        raise PinBlockError(f"expected {room} characters of filler for format {form}")
    block = bytes.fromhex(f"{form}{len(pin):X}{pin}{filler}")
    return _with_pan(block, pan) if form in _WITH_PAN else block


def decode(form: ClearFormat, block: bytes, pan: str = "") -> str:
    """The PIN in a clear block; PinBlockError when it is not of that format.

    >>> decode(0, bytes.fromhex("041261AAAAEDCBA9"), "5555555551234567")
    '1234'
    """
    if len(block) != _NIBBLES // 2:
        raise PinBlockError(f"expected a block of 8 bytes, found {len(block)}")
    text = (_with_pan(block, pan) if form in _WITH_PAN else block).hex().upper()
    return _pin_in(text, form, _fillers(form))


def encipher_iso_4(key: Key, pin: str, pan: str, random: bytes) -> bytes:
    """A format 4 block: the PIN field enciphered, XORed with the PAN field, enciphered again."""
    _check_pin(pin)
    if len(random) != _NIBBLES // 2:
        raise PinBlockError(f"expected 8 random bytes, found {len(random)}")
    field = bytes.fromhex(f"4{len(pin):X}{pin}".ljust(_NIBBLES, "A")) + random
    cipher = _aes(key)
    first = cipher.encryptor().update(field)
    return cipher.encryptor().update(_xor(first, _pan_field_iso_4(pan)))


def decipher_iso_4(key: Key, block: bytes, pan: str) -> str:
    """The PIN in a format 4 block."""
    if len(block) != _AES_BLOCK:
        raise PinBlockError(f"expected a block of 16 bytes, found {len(block)}")
    cipher = _aes(key)
    first = _xor(cipher.decryptor().update(block), _pan_field_iso_4(pan))
    return pin_in_field_iso_4(cipher.decryptor().update(first))


def pin_in_field_iso_4(field: bytes) -> str:
    """The PIN in the clear PIN field of format 4."""
    return _pin_in(field.hex().upper()[:_NIBBLES], 4, frozenset("A"))


def _pin_in(text: str, form: int, fillers: frozenset[str]) -> str:
    if text[0] != str(form):
        raise PinBlockError(f"the control digit is not that of format {form}")
    length = int(text[1], 16)
    if not _PIN_DIGITS_MIN <= length <= _PIN_DIGITS_MAX:
        raise PinBlockError("the PIN length is outside 4 to 12")
    pin, filler = text[2 : 2 + length], text[2 + length :]
    if not set(pin) <= _DIGITS:
        raise PinBlockError("the PIN is not made of digits")
    if not set(filler) <= fillers:
        raise PinBlockError("the filler is wrong")
    return pin


def _check_pin(pin: str) -> None:
    if not (_PIN_DIGITS_MIN <= len(pin) <= _PIN_DIGITS_MAX and set(pin) <= _DIGITS):
        raise PinBlockError("expected a PIN of 4 to 12 digits")


def _fillers(form: ClearFormat) -> frozenset[str]:
    # Format 3 ends in A to F; hosts are known to send F alone, which is among them.
    return _FILLERS.get(form, _FILLERS_ISO_3)


def _with_pan(block: bytes, pan: str) -> bytes:
    """XORed with the twelve last digits of the PAN before its check digit."""
    if len(pan) < _PAN_DIGITS_MIN or not set(pan) <= _DIGITS:
        raise PinBlockError(f"expected a PAN of at least {_PAN_DIGITS_MIN} digits")
    return _xor(block, bytes.fromhex("0000" + pan[-13:-1]))


def _pan_field_iso_4(pan: str) -> bytes:
    if not 1 <= len(pan) <= _PAN_DIGITS_MAX or not set(pan) <= _DIGITS:
        raise PinBlockError(f"expected a PAN of 1 to {_PAN_DIGITS_MAX} digits")
    beyond = max(len(pan) - 12, 0)
    return bytes.fromhex(f"{beyond}{pan.rjust(12, '0')}".ljust(2 * _AES_BLOCK, "0"))


def _aes(key: Key) -> Cipher[ECB]:
    if len(key) not in _AES_KEY_BYTES:
        raise PinBlockError(f"expected an AES key of 16, 24 or 32 bytes, found {len(key)}")
    return Cipher(AES(memoryview(key)), ECB())  # noqa: S305 - as the standard has it


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
