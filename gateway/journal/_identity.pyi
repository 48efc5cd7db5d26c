def bar(identity: str, number: int) -> int:
    """Where a bar stands, by its number; -1 where there are fewer."""

def cut(identity: str, bars: int, less: int) -> str:
    """What stands before a bar, by its number, but for the last characters of it; the whole text
    where there are fewer bars.
    """

def terminal(identity: str, till: str) -> str:
    """What stands before the second bar of an identity: `till` itself, where it is the same."""
