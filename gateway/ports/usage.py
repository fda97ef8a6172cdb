"""Usage records on their way: the journal, the ledger, and what waits between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.domain.usage.journal import Begun, Sent
from gateway.domain.usage.record import UsageRecord
from gateway.domain.usage.report import Line, Question


class Journal(Protocol):
    """Where requests are written down so that the end of this process loses none of them.

    Written in the request path: each call is a few microseconds and neither waits nor raises.
    """

    @property
    def has_room(self) -> bool:
        """Whether another request may begin: the bound is not reached, and the disk takes more."""

    def begun(self, begun: Begun) -> None:
        """A key was accepted. On the disk with the next line, or at the end of the loop's turn."""

    def sent(self, sent: Sent) -> None:
        """A request goes upstream now. On the disk when this returns."""

    def ended(self, record: UsageRecord) -> None:
        """The request's one record. On the disk when this returns."""


class LedgerDown(Exception):
    """The ledger's database cannot be used at the moment; the text quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Spending:
    """What was used in a period."""

    requests: int = 0
    tokens: int = 0
    """Input and output."""
    nano_aiu: int = 0


class Sums(Protocol):
    """What the records of all gateways come to. Bounded in time; each method raises LedgerDown."""

    async def key_spending(self, key_id: str, since: float, until: float) -> Spending:
        """What a key has used of its budget in [since, until), seconds since the epoch."""

    async def group_spending(self, group_id: str, since: float, until: float) -> Spending:
        """What a group's keys have used of its budget, likewise."""

    async def report(self, question: Question) -> Sequence[Line]:
        """Sums over the records a question asks for."""


class Ledger(Sums, Protocol):
    """The records of all gateways, in SQL."""

    async def prepare(self) -> None:
        """Make the tables what this version needs, where they are not."""

    async def add(self, records: Sequence[UsageRecord]) -> None:
        """Keep these. A record that is there already stays as it is."""

    async def purge(self, before: float) -> None:
        """Remove the records from before this time, unless another replica is doing it."""


class Source(Protocol):
    """Records that wait to be brought into the ledger, handed out batch by batch."""

    @property
    def is_all(self) -> bool:
        """Whether what `next` gave last was surely all there was. What has come since can wait."""

    async def next(self) -> Sequence[UsageRecord]:
        """The next ones; empty when there are none at the moment. Bounded, raises nothing."""

    async def done(self, records: Sequence[UsageRecord]) -> None:
        """What `next` gave last is safe."""

    def start_over(self) -> None:
        """What `next` gave last is not: it will be asked for again."""


class Written(Source, Protocol):
    """Records in files, which may have to outlast what was done with the records."""

    def keep(self) -> None:
        """From now on, remove no file: what is done is safe only for a while."""


class Spill(Source, Protocol):
    """Records that were put into the shared store since the ledger was down."""

    async def put(self, records: Sequence[UsageRecord]) -> bool:
        """Whether the store has them now. Bounded, raises nothing."""


class ShippingEvents(Protocol):
    """What happened to usage records on their way to the ledger. None of these waits or raises."""

    def shipped(self, count: int) -> None:
        """So many are in the ledger."""

    def ledger_up(self) -> None:
        """It takes records."""

    def ledger_down(self, reason: str) -> None:
        """It does not; they wait."""

    def lines_torn(self, count: int) -> None:
        """So many lines of a journal were cut off, and are passed over; or what was put into the
        shared store cannot be read."""

    def journal_trouble(self, reason: str | None) -> None:
        """The disk takes no more of the journal; or, with None, does again."""

    def record_dropped(self) -> None:
        """A request is served that will have no record, since the journal has no room."""

    def spilled(self, count: int, left: int) -> None:
        """At the end of this process: so many went to the shared store, so many had nowhere to
        go and are in the journal only."""
