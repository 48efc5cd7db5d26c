"""Types of the compiled `_libcrypto`."""

AVAILABLE: bool
