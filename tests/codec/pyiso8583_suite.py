"""Runs pyiso8583's own test suite with its functions and errors replaced by ours.

pip download --no-deps --no-binary :all: pyiso8583
python -m tests.codec.pyiso8583_suite pyiso8583-4.0.1.tar.gz
"""

from __future__ import annotations

import sys
import tarfile
import tempfile
from pathlib import Path

import iso8583
import pytest

import codec

REPLACED = ("decode", "DecodeError", "encode", "EncodeError", "pp")


def unpack_tests(sdist: Path, directory: Path) -> None:
    """Put the test modules of a source distribution into `directory`."""
    with tarfile.open(sdist) as archive:
        for member in archive.getmembers():
            path = Path(member.name)
            content = archive.extractfile(member)
            if content and path.parent.name == "tests" and path.match("test_*.py"):
                (directory / path.name).write_bytes(content.read())


def run(sdist: Path) -> int:
    """The exit status of pytest."""
    for name in REPLACED:
        setattr(iso8583, name, getattr(codec, name))
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        unpack_tests(sdist, directory)
        (directory / "pytest.ini").write_text("[pytest]\n")
        return int(pytest.main(["-q", "-p", "no:cacheprovider", scratch]))


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1])))
