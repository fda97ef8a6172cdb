"""What the gateway's use cases need from outside, in their own words.

Whoever implements a port translates foreign errors into GatewayError.
"""

from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from gateway.domain.budgets.holder import Holder
from gateway.domain.budgets.reservation import Reservation
from gateway.domain.budgets.totals import Counter, Totals
from gateway.domain.budgets.verdict import Answer, Claim
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.headers import Standing
from gateway.domain.initiator import Verdict
from gateway.domain.quotas import Quota
from gateway.domain.stored_keys import StoredKey
from gateway.domain.subjects import Subject
from gateway.domain.usage.journal import Begun, Sent
from gateway.domain.usage.prices import Prices
from gateway.domain.usage.record import UsageRecord
from gateway.domain.usage.report import Line, Question
from gateway.domain.usage.spent import NOTHING, Spent


class Clock(Protocol):
    """Time as the service sees it."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""


@dataclass(frozen=True, slots=True)
class AccountToken:
    """A token that lives, and how to use it."""

    account: str
    value: str = field(repr=False)
    token_id: str
    """Names the token without revealing it."""
    api_base_url: str
    headers: Mapping[str, str]
    strategy: str = ""
    """How the broker came by it; empty for an API key from the configuration."""
    standing: dict[Hashable, Standing] = field(default_factory=dict, repr=False, compare=False)
    """The headers of requests with this token, by what they depend on beside it: a few, kept
    by whoever makes requests, and gone with the token."""


class TokenProvider(Protocol):
    """Tokens of accounts."""

    async def get(self, account: str) -> AccountToken:
        """A living token, without waiting when one is cached.

        Raises GatewayError (SEAT_* or GATEWAY_TOKEN_SERVICE).
        """

    async def invalidate(self, account: str, token_id: str) -> AccountToken | None:
        """Upstream refused a token: another one that lives, or None. Raises nothing."""


class TokenVerifier(Protocol):
    """JWTs that callers show, and whether they are their issuer's for this gateway."""

    def looks_like(self, text: str) -> bool:
        """Whether this is meant as a token and no key: three parts, the first a JSON object with
        an `alg`, 8 KiB at most. Costs next to nothing and believes nothing."""

    async def verify(self, token: str) -> Mapping[str, Any]:
        """Its claims; `exp` is among them. Bounded in time.

        Raises GatewayError: CALLER_KEY_TOKEN with the reason in words, or GATEWAY_ISSUER while
        the issuer's keys cannot be read.
        """


class UpstreamRequest(msgspec.Struct, frozen=True, gc=False):
    """One request to send upstream."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None

    def __repr__(self) -> str:
        """No header, and nothing that was said."""
        return f"UpstreamRequest({self.method!r}, {self.url!r})"


class Sink(Protocol):
    """Takes a body as it arrives, inside the event loop's callback: no task runs in between."""

    def write(self, data: bytes) -> None:
        """More of the body, never empty. Waits for nothing and raises nothing."""

    def finish(self, error: GatewayError | None) -> None:
        """There is no more: the body has ended, or has broken off with this error (UPSTREAM_*)."""


class UpstreamReply(Protocol):
    """An answer whose status and headers are there; its body may still be arriving.

    Its body is taken in one of three ways: `chunks`, `read`, or `pour`, which may follow `chunks`.
    """

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by names in lower case."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises GatewayError (UPSTREAM_*) when it breaks off."""

    async def read(self, limit: int) -> bytes:
        """The whole body. Raises GatewayError when it breaks off or is longer than `limit`."""

    def pour(self, sink: Sink) -> None:
        """Give what is left of the body to the sink, what has come at once and the rest as it
        arrives. May be said again."""

    def pause(self) -> None:
        """The sink is behind: read nothing for now. What one read had brought may still come."""

    def resume(self) -> None:
        """The sink has caught up."""

    def close(self) -> None:
        """Nobody listens any more; ends the request unless its answer has ended."""


class Upstream(Protocol):
    """The way to a platform's API."""

    async def open(self, request: UpstreamRequest) -> UpstreamReply:
        """Send and wait for the headers of the answer; whoever has the reply closes it.

        Raises GatewayError (UPSTREAM_*). Being cancelled closes the connection at once.
        """

    def send(self, request: UpstreamRequest) -> AbstractAsyncContextManager[UpstreamReply]:
        """The same as a context, which closes the reply."""


class Lease(msgspec.Struct, frozen=True, gc=False):
    """A place that was taken; it is given back once, or ends by itself when its process dies."""

    place: str
    id: str


class Slots(Protocol):
    """Places of which only so many may be taken at a time, over all replicas of the gateway.

    A place is the name of what is limited, such as `key:ci-bot` or `account:seat-1`. While the
    shared store is down each replica counts its own leases.
    """

    @property
    def is_shared(self) -> bool:
        """Whether somebody else may give a place back: then waiting means asking again."""

    async def take(self, place: str, limit: int) -> Lease | None:
        """A lease, or None when `limit` are out. Bounded in time; raises nothing.

        Cancelled while asking: nothing stays taken.
        """

    def give_back(self, lease: Lease) -> None:
        """Free the place; at once in this process, soon for the others. Waits for nobody."""

    def taken(self, place: str) -> int:
        """How many leases this process has out for the place."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A notice on the board: why a subject is set aside, and for how long from now."""

    seconds: float | None
    """None: until it is taken down."""
    word: str
    """A Fault's value, or `paused`."""


class Board(Protocol):
    """What the replicas tell each other about accounts: cool-downs and pauses.

    Without a shared store it is this process's own, and down replicas miss nothing: whoever
    comes back reads all of it.
    """

    def post(self, subject: Subject, posted: Posted) -> None:
        """Tell all. The later end counts where the subject is on the board. Waits for nobody."""

    def take_down(self, subject: Subject) -> None:
        """Tell all that it is over. Waits for nobody."""

    def follow(self, reader: Callable[[Mapping[Subject, Posted]], None]) -> None:
        """Call `reader` with the whole board whenever it has changed, and at once if there is
        anything on it. It neither waits nor raises."""


class Bond(msgspec.Struct, frozen=True, gc=False):
    """Where a conversation lives."""

    account: str
    has_moved: bool
    """Whether it ever lived elsewhere: what upstream sealed for that account is in its history."""


class Affinity(Protocol):
    """Which account a conversation lives on, kept for an hour after its last turn."""

    @property
    def remembers(self) -> bool:
        """Whether replicas agree at the moment; without the store each knows its own."""

    async def find(self, conversation: bytes) -> Bond | None:
        """The bond, whose hour begins anew. Bounded in time; raises nothing."""

    async def settle(self, conversation: bytes, account: str, leaving: str | None) -> Bond:
        """Bind it to the account, unless another replica was first: then that bond is returned.

        leaving: the account it is to leave; a bond to any other one stands.
        """


class BudgetCounters(Protocol):
    """What is used of budgets, counted together by all replicas of the gateway.

    A counter that nobody has counted in, or that the store has lost, is not whole until it is
    seeded. While the shared store is down each replica goes on with what it knows and tells the
    others later; claims that refuse to go on so are found Finding.UNCHECKED. Bounded in time;
    nothing here raises.
    """

    async def take(self, claims: Sequence[Claim]) -> Answer:
        """Count a request in all of these, or in none when anything stands against it.

        Cancelled while asking: it is not counted.
        """

    async def seed(self, counter: Counter, spent: Totals) -> None:
        """The counter is whole, and no less was used than that. spent: nothing released."""

    def add(self, counters: Iterable[Counter], use: Totals) -> None:
        """This was used, in each of them; counted once. Waits for nobody."""

    async def totals(self, counters: Sequence[Counter]) -> Sequence[Totals | None]:
        """Where each stands; None for one that is not whole."""


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


@dataclass(frozen=True, slots=True)
class Changes:
    """What has become of keys since a number."""

    number: int
    """Ask for what comes after this one next."""
    keys: Sequence[StoredKey]
    """As they are now, in the order of their last changes."""
    is_all: bool = True
    """Whether there is no more at the moment."""
    is_older: bool = False
    """The database knows less than whoever asks: it was restored or made anew. Ask from 0."""


class KeyIdTaken(Exception):
    """Another key has this id already, or had it."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What `forget` has done."""

    name: str
    """What keys and records are called now."""
    keys: int
    records: int
    """How many of each."""


class KeyStore(Protocol):
    """Callers' keys in the ledger's database. Bounded in time; each method raises LedgerDown.

    Each change of a key has a number, and whoever sees one sees all that are lower.
    """

    async def prepare(self) -> None:
        """Make the tables what this version needs, where they are not."""

    async def changed_since(self, number: int) -> Changes:
        """Some thousand keys at most whose last change has a higher number; 0: all there are."""

    async def named(self, key_id: str) -> Sequence[StoredKey]:
        """All keys with this id, those that are revoked too, the latest change last."""

    async def list(self) -> Sequence[StoredKey]:
        """All keys, by id and age."""

    async def add(self, key: StoredKey) -> None:
        """Keep a new key. Raises KeyIdTaken."""

    async def revoke(self, key_id: str, by: str, now: float) -> int:
        """Take back all keys with this id; how many were not revoked yet."""

    async def rotate(self, new: StoredKey, by: str, now: float, keep_until: float | None) -> int:
        """Keep a new key beside those that have its id, which end at keep_until; None: are revoked.

        How many end so; 0: there is none that is not revoked, and nothing was done.
        """

    async def forget(self, key_id: str, name: str, by: str, now: float) -> Forgotten | None:
        """Revoke the keys with this id and take from them, and from the records, who it was.

        name: what they are called afterwards. None: nothing has this id. May be repeated; what
        fails in the middle leaves the keys revoked.
        """

    async def rename_records(self, key_id: str, name: str) -> int:
        """Give the usage records of one id another one; how many."""


class KeyEvents(Protocol):
    """What happened to keys of the database. None of these waits or raises."""

    def keys_configured(self, count: int) -> None:
        """The configuration has so many from now on."""

    def keys_read(self, changed: int, usable: int, revoked: int) -> None:
        """So many have changed; so many are known now, expired ones among those usable."""

    def keys_stale(self, reason: str) -> None:
        """The database cannot be asked; what is known goes on."""

    def keys_fresh(self) -> None:
        """It can, again or for the first time."""

    def key_shadowed(self, key_id: str) -> None:
        """A key of the configuration has the id of one in the database, which does not count."""


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


@dataclass(frozen=True, slots=True)
class Tried:
    """An attempt that came to nothing."""

    account: str
    fault: Fault


MAX_TRIED = 32
"""More than max_switches allows, so that every attempt of a request is in its record."""


class TokenCounter(Protocol):
    """Counts tokens as a model's tokenizer would; an estimate for models whose is not known."""

    def count(self, text: str) -> int:
        """How many tokens a text is. Pure computation; some milliseconds for 100 KB."""


class RequestTrace(Protocol):
    """One request's place in a trace. None of these waits or raises."""

    def attempt(
        self, exchange: "Exchange", request: UpstreamRequest
    ) -> AbstractContextManager[UpstreamRequest]:
        """Around one attempt upstream: the request as it is to be sent, naming the trace."""

    def answered(self, status: int) -> None:
        """Upstream's status of the attempt."""

    def failed(self, fault: Fault) -> None:
        """The attempt came to nothing, or broke off later."""

    def end(self, exchange: "Exchange") -> None:
        """The request is over. Called once, in the task in which it began."""


class Tracing(Protocol):
    """Traces, where they are wanted."""

    def begin(self, exchange: "Exchange", method: str, traceparent: str | None) -> RequestTrace:
        """A request that is somebody's. traceparent: as the caller sent it, whatever that is.

        What the present task does until the request ends belongs to it.
        """


class Exchange(msgspec.Struct, gc=False):
    """One caller's request and what became of it: for metrics and the access log.

    Filled in as the request goes along. Holds no content and no secret. Not followed by the garbage
    collector: nothing that it holds may hold it.
    """

    request_id: str
    route: str
    started: float
    """Monotonic seconds."""
    time: float = 0.0
    """When it came, in seconds since the epoch."""
    caller_request_id: str = ""
    key: str = ""
    group: str = ""
    account: str = ""
    """The account tried last."""
    served_by: str = ""
    """The group whose account that is: the key's own, or its fallback."""
    platform: str = ""
    model: str = ""
    served_model: str = ""
    """What was asked of upstream, aliases resolved."""
    premium_multiplier: float | None = None
    """The model's, as upstream's catalogue has it."""
    attempts: int = 0
    """How many requests were sent upstream."""
    spent: Spent = NOTHING
    """What upstream has said that it cost, over all attempts."""
    prices: Prices | None = None
    """The served model's, for when upstream does not say what it cost."""
    is_metered: bool = False
    """Whether it is to have a usage record, and has none yet."""
    reservation: Reservation | None = None
    """What it holds of its budgets."""
    is_listed: bool = False
    """Whether the model is in upstream's catalogue: what callers make up is no label."""
    upstream_protocol: str = ""
    """What was spoken upstream."""
    stream: bool = False
    verdict: Verdict | None = None
    fault: str = ""
    status: int = 0
    upstream_seconds: float = 0.0
    """Time spent waiting for upstream, over all attempts, until an answer could be handed out."""
    waited_seconds: float = 0.0
    """Time spent waiting for a place."""
    first_byte_seconds: float | None = None
    stream_end: str = ""
    answer_bytes: int = 0
    trace: RequestTrace | None = None
    """None where nothing is traced."""
    tried: tuple[Tried, ...] = ()

    def note(self, tried: Tried) -> None:
        """Record an attempt that came to nothing."""
        if len(self.tried) < MAX_TRIED:
            self.tried = (*self.tried, tried)


class Audit(Protocol):
    """Who was turned away, for those who look after the fact. Neither waits nor raises."""

    def refused(self, fault: Fault, address: str, key_id: str = "") -> None:
        """A caller was. address: as domain/client_address gives it."""


class GatewayEvents(Protocol):
    """What happened, in the gateway's words; metrics are made of it."""

    def request_started(self, exchange: Exchange) -> None:
        """A key was accepted and the request belongs to a group now."""

    def request_ended(self, exchange: Exchange, seconds: float) -> None:
        """The answer is out, or the caller is gone."""

    def waiting(self, group: str, change: int) -> None:
        """So many more or fewer requests of a group wait for a place."""

    def failed_over(self, group: str, account: str, fault: Fault) -> None:
        """A request left an account for another one."""

    def set_aside(self, subject: Subject, seconds: float, fault: Fault) -> None:
        """An account, or a model on it, cools down; or a platform refuses this client."""

    def paused(self, subject: Subject, is_paused: bool) -> None:
        """An operator has set something aside for all replicas, or brought it back."""

    def client_refused(self, platform: str, is_refused: bool) -> None:
        """A platform refuses this client, whatever the account; or no longer does."""

    def recorded(self, record: UsageRecord, is_listed: bool) -> None:
        """A request has its usage record. is_listed: whether its model is in the catalogue."""

    def over_budget(self, holder: Holder, measure: str, is_shadow: bool) -> None:
        """A request met a budget that is used up; with shadow it was let through all the same."""

    def quota_seen(self, account: str, quotas: Sequence[Quota]) -> None:
        """What upstream's headers said of an account's quotas."""
