"""What became of the shared store, as a list to look at."""


class FakeStoreEvents:
    """Remembers everything that was reported."""

    def __init__(self) -> None:
        self.store: list[str] = []

    def store_up(self, server: str) -> None:
        self.store.append("up")

    def store_down(self, explanation: str) -> None:
        self.store.append("down")

    def store_evicts(self, policy: str) -> None:
        self.store.append(f"evicts: {policy}")
