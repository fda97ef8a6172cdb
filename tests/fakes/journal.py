"""A journal in memory; it satisfies the Journal port."""

from dataclasses import dataclass, field

from gateway.domain.usage.journal import Begun, Sent
from gateway.domain.usage.record import UsageRecord


@dataclass
class RecordedJournal:
    """Keeps what was written down, in order."""

    has_room: bool = True
    lines: list[Begun | Sent | UsageRecord] = field(default_factory=list)

    def begun(self, begun: Begun) -> None:
        self.lines.append(begun)

    def sent(self, sent: Sent) -> None:
        self.lines.append(sent)

    def ended(self, record: UsageRecord) -> None:
        self.lines.append(record)

    @property
    def records(self) -> list[UsageRecord]:
        """Those that ended."""
        return [line for line in self.lines if isinstance(line, UsageRecord)]
