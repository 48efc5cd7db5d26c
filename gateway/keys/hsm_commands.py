"""Host commands of the payShield kind, as far as the gateway asks for them: what is sent, what
comes.

Of a module whose LMK is of variants: keys are DES, of one, two or three lengths, and a key under
the LMK is of one type, which says what it may do.  The device's own manual rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.keys.port import CustodyError

if TYPE_CHECKING:
    from gateway.keys.port import PinFormat
    from gateway.keys.wrapped import KeyUsage

KEY_TYPES: Final[dict[KeyUsage, str]] = {
    "tmk": "002",
    "pik": "002",
    "mak": "003",
    "tdk": "30B",
    "zmk": "000",
    "zpk": "001",
    "zak": "008",
    "zdk": "00A",
}
PCI_KEY_TYPES: Final[dict[KeyUsage, str]] = {**KEY_TYPES, "tmk": "80D", "pik": "70D"}
"""Where the module separates TMKs from PIN keys."""
PIN_FORMATS: Final[dict[PinFormat, str]] = {0: "01", 1: "05", 3: "47"}

_LMK_SCHEMES: Final = {8: "Z", 16: "U", 24: "T"}
_WIRE_SCHEMES: Final = {8: "Z", 16: "X", 24: "Y"}
_HEX_CHARACTERS: Final = {"U": 32, "X": 32, "T": 48, "Y": 48}
_LENGTH_FLAGS: Final = {8: "0", 16: "1", 24: "2"}
_ERRORS: Final = {
    "01": "verification failed",
    "02": "the key's length does not fit",
    "04": "no such key type",
    "05": "no such length flag",
    "10": "a key's parity is wrong, or it is of another type or LMK",
    "11": "the target key's parity is wrong, or it is of another type or LMK",
    "13": "the LMK is not loaded",
    "15": "the input makes no sense",
    "17": "not authorised",
    "20": "no PIN block of this format",
    "23": "no such PIN block format",
    "24": "no PIN of 4 to 12 digits",
    "26": "no such key scheme",
    "27": "the lengths of the keys do not fit",
    "29": "this key may not do that",
    "41": "the module is broken",
    "68": "the command is disabled",
    "80": "the length of the data does not fit",
}
UNAVAILABLE: Final = frozenset({"13", "41"})
"""Errors that are the module's and not the key's."""


class ModuleKey(NamedTuple):
    """A key as the module tells it, and how many bytes it has."""

    text: str

    @property
    def length(self) -> int:
        """Bytes of the key."""
        characters = len(self.text) - (self.text[:1] in _HEX_CHARACTERS)
        return characters // 2

    @property
    def data(self) -> bytes:
        """The enciphered key."""
        return bytes.fromhex(self.text[self.text[:1] in _HEX_CHARACTERS :])


@dataclass
class Reply:
    """An answer, read from its begin."""

    code: str
    error: str
    rest: str

    @classmethod
    def of(cls, code: str, answer: bytes) -> Reply:
        """Raises CustodyError where it is none."""
        text = answer.decode("latin-1")
        if len(text) < 2:  # noqa: PLR2004 - bytes
            raise CustodyError(f"the security module's answer to {code} is cut off")
        return cls(code, text[:2], text[2:])

    def take(self, count: int) -> str:
        """So many characters."""
        if len(self.rest) < count:
            raise CustodyError(f"the security module's answer to {self.code} is cut off")
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def key(self) -> ModuleKey:
        """A key, as long as its scheme says."""
        scheme = self.rest[:1]
        if scheme in _HEX_CHARACTERS:
            return ModuleKey(self.take(1 + _HEX_CHARACTERS[scheme]))
        return ModuleKey(self.take(16))


def why(code: str, error: str) -> str:
    """An error code in words."""
    return f"the security module refused {code} with {error}: {_ERRORS.get(error, 'unknown')}"


def generate(key_type: str, length: int) -> bytes:
    """A0: a new key under the LMK."""
    return f"0{key_type}{_LMK_SCHEMES[length]}".encode()


def generate_under(key_type: str, length: int, transport: str, *, terminal: bool) -> bytes:
    """A0: a new key under the LMK and under a ZMK or TMK."""
    flag = "1" if terminal else "0"
    schemes = _LMK_SCHEMES[length], _WIRE_SCHEMES[length]
    return f"1{key_type}{schemes[0]};{flag}{transport}{schemes[1]}".encode()


def import_key(key_type: str, zone_key: str, data: bytes) -> bytes:
    """A6: from under a ZMK to under the LMK."""
    wire = _on_wire(data)
    return f"{key_type}{zone_key}{wire}{_LMK_SCHEMES[len(data)]}".encode()


def export_key(key_type: str, transport: str, key: ModuleKey, *, terminal: bool) -> bytes:
    """A8: from under the LMK to under a ZMK or TMK."""
    flag = ";1" if terminal else ""
    return f"{key_type}{flag}{transport}{key.text}{_WIRE_SCHEMES[key.length]}".encode()


def form_key(key_type: str, components: list[ModuleKey]) -> bytes:
    """A4: a key from components under the LMK."""
    parts = "".join(each.text for each in components)
    return f"{len(components)}{key_type}{_LMK_SCHEMES[components[0].length]}{parts}".encode()


def check_value(key_type: str, key: ModuleKey) -> bytes:
    """BU: eight bytes of check value."""
    return f"FF{_LENGTH_FLAGS[key.length]}{key.text};{key_type};000".encode()


def make_mac(algorithm: str, key_type: str, key: ModuleKey, data: bytes) -> bytes:
    """M6: the whole code over data that is padded already."""
    head = f"001{algorithm}0{key_type}{key.text}{len(data):04X}"
    return head.encode() + data


def verify_mac(algorithm: str, key_type: str, key: ModuleKey, data: bytes, code: bytes) -> bytes:
    """M8: the first four or all eight bytes of the code over data that is padded already."""
    size = "0" if len(code) == 4 else "1"  # noqa: PLR2004 - bytes
    head = f"00{size}{algorithm}0{key_type}{key.text}{len(data):04X}"
    return head.encode() + data + code.hex().upper().encode()


def decipher(key_type: str, key: ModuleKey, data: bytes) -> bytes:
    """M2: data under a data key, each block alone, hexadecimal both ways."""
    message = data.hex().upper()
    return f"0011{key_type}{key.text}{len(message):04X}{message}".encode()


def translate_pin(
    source: ModuleKey, target: ModuleKey, block: bytes, formats: tuple[str, str], account: str
) -> bytes:
    """CA and CC: a PIN block from one key and format to another."""
    keys = f"{source.text}{target.text}12"
    return f"{keys}{block.hex().upper()}{formats[0]}{formats[1]}{account}".encode()


def _on_wire(data: bytes) -> str:
    scheme = _WIRE_SCHEMES[len(data)]
    return ("" if scheme == "Z" else scheme) + data.hex().upper()
