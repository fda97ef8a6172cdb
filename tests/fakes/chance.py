"""The Chance port without chance."""

import itertools


class FakeChance:
    """Always the same fraction; identifiers in order."""

    def __init__(self, fraction: float = 0.0) -> None:
        self.value = fraction
        self._ids = itertools.count(1)

    def fraction(self) -> float:
        return self.value

    def token_id(self) -> str:
        return f"token-{next(self._ids)}"
