"""What was told of usage records on their way."""

from dataclasses import dataclass, field


@dataclass
class Told:
    """What was told of the shipping."""

    count: int = 0
    dropped: int = 0
    states: list[str] = field(default_factory=list)
    ends: list[tuple[int, int]] = field(default_factory=list)

    def shipped(self, count: int) -> None:
        self.count += count

    def ledger_up(self) -> None:
        self.states.append("up")

    def ledger_down(self, reason: str) -> None:
        self.states.append(reason)

    def lines_torn(self, count: int) -> None:
        """Not of interest here."""

    def journal_trouble(self, reason: str | None) -> None:
        """Not of interest here."""

    def record_dropped(self) -> None:
        self.dropped += 1

    def spilled(self, count: int, left: int) -> None:
        self.ends.append((count, left))
