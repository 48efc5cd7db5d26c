def cut(identity: str, bars: int, less: int) -> str:
    """What stands before a bar, by its number, but for the last characters of it; the whole text
    where there are fewer bars.
    """
