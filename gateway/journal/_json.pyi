from typing import Any

def array_of(values: tuple[Any, ...], begin: int, comma: bool) -> str:
    """The values from `begin` on as a JSON array, with a comma behind it if wanted."""
