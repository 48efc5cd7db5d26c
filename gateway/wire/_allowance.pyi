class Allowance:
    def __init__(self, a_turn: int, every_s: float = 0.0, at_most: int = 0) -> None: ...
    @property
    def left(self) -> int:
        """What this turn may still do."""
    @property
    def put_off(self) -> int:
        """How often something was left to a later turn."""
    def turn(self, passed_s: float) -> None: ...
    def takes(self) -> bool: ...
