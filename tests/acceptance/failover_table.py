"""The failover table as the acceptance runs have it, and the cases that it makes.

Written from what the gateway promises (docs/http.md, docs/decisions/0013), not from its own table.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tests.acceptance.faults import ends, late, rate_limit, refusal, respond
from tests.servers.gateway_callers import MODEL

HOUR = 3600.0
SOME_SECONDS = (1.0, HOUR)
"""How long something is set aside where upstream does not say: some time, and not for ever."""


@dataclass(frozen=True)
class Row:
    """A way to fail, and what follows from it.

    fault: the simulator's rule for it. asks: how often the account that has it is asked.
    moves: whether another account is asked then. status, error: what the caller gets when there
    is no other one; `error` is the reason of a move, too. cools: how long, at least and at most.
    """

    name: str
    fault: Mapping[str, Any]
    moves: bool
    status: int
    error: str
    cools: tuple[float, float] | None = None
    asks: int = 1
    form: str = ""
    """`stream` or `whole`, where it is a fault of this one only."""
    recovers: bool = False
    """The account itself answers in the end."""
    aged: bool = False
    """Its token is old enough to be replaced."""
    exchanges: int = 1
    cools_model: bool = False
    """Only this model on this account."""
    committed: bool = False
    """The caller has seen some of the answer: the error comes as an event."""
    refused: bool = False
    """Nobody listens where the account's token says that the API is."""
    failover: Mapping[str, Any] = field(default_factory=dict)


def exactly(seconds: float) -> tuple[float, float]:
    return (seconds, seconds)


ROWS = (
    # 401 and 421: another token, the same account once more, then another account.
    Row("401-once", refusal("token_expired"), True, 502, "seat_token_rejected",
        asks=2, recovers=True, aged=True, exchanges=2),
    Row("401-twice", refusal("token_expired"), True, 502, "seat_token_rejected",
        asks=2, aged=True, exchanges=2),
    Row("401-new", refusal("token_expired"), True, 502, "seat_token_rejected"),
    Row("421-once", refusal("misdirected"), True, 502, "seat_wrong_host",
        asks=2, recovers=True, aged=True, exchanges=2),
    Row("421-twice", refusal("misdirected"), True, 502, "seat_wrong_host", SOME_SECONDS,
        asks=2, aged=True, exchanges=2),
    # 429: the account or the model on it cools down for as long as upstream says.
    Row("429", rate_limit("60"), True, 429, "seat_rate_limited", exactly(60)),
    Row("429-date", rate_limit("DATE"), True, 429, "seat_rate_limited", (270, 301)),
    Row("429-absent", rate_limit(None), True, 429, "seat_rate_limited", SOME_SECONDS),
    Row("429-58-hours", refusal("rate_limited_58_hours"), True, 429, "seat_rate_limited",
        exactly(58 * HOUR)),
    Row("429-global", refusal("user_global_rate_limited"), True, 429, "seat_rate_limited",
        exactly(60)),
    Row("429-weekly", refusal("user_weekly_rate_limited"), True, 429, "seat_rate_limited",
        exactly(58 * HOUR)),
    Row("429-model", rate_limit("90", f"user_model_rate_limited:{MODEL}"), True, 429,
        "seat_model_rate_limited", exactly(90), cools_model=True),
    Row("429-overloaded", refusal("model_overloaded", headers={"retry-after": "90"}), True, 503,
        "upstream_model_overloaded", exactly(90), cools_model=True),
    # 402: the account rests; the request moves only where the operator says so.
    Row("402-stop", refusal("quota_exceeded", headers={"retry-after": "7200"}), False, 429,
        "seat_quota", exactly(7200)),
    Row("402-move", refusal("quota_exceeded"), True, 429, "seat_quota", SOME_SECONDS,
        failover={"on_quota": "move"}),
    # Other 4xx: the request, or an operator's policy; no other account is tried.
    Row("400", refusal("bad_request"), False, 400, "caller_request_refused"),
    Row("403-policy", refusal("feature_forbidden"), False, 502, "seat_forbidden"),
    Row("404", refusal("not_found"), False, 404, "caller_model_not_found"),
    Row("413", refusal("body_too_large"), False, 413, "caller_body_too_large"),
    Row("422", refusal("content_filtered"), False, 400, "caller_content_filtered"),
    Row("424", refusal("agent_dependency"), False, 400, "caller_request_refused"),
    # 408, 5xx and connections that fail.
    Row("408", refusal("request_timeout"), True, 504, "upstream_request_timeout"),
    Row("500", refusal("internal_error"), True, 502, "upstream_unavailable"),
    Row("502-html", refusal("unicorn"), True, 502, "upstream_unavailable"),
    Row("503", refusal("unavailable"), True, 503, "upstream_overloaded"),
    Row("504", refusal("gateway_timeout"), True, 502, "upstream_unavailable"),
    Row("refused", {}, True, 502, "upstream_unavailable", asks=0, refused=True),
    Row("reset", ends("reset"), True, 502, "upstream_unavailable"),
    Row("cut", ends("cut"), True, 502, "upstream_unavailable"),
    Row("silent", {"stall": {}}, True, 504, "upstream_timeout"),
    # A 200 that is none.
    Row("200-rate-limited", {"error_in_200": {"code": "rate_limited"}}, True, 429,
        "seat_rate_limited", SOME_SECONDS),
    Row("200-error", {"error_in_200": {"code": "internal_error"}}, True, 502,
        "upstream_unavailable"),
    Row("200-empty-stream", respond("text/event-stream", ""), True, 502, "upstream_truncated",
        form="stream"),
    Row("200-empty", respond("application/json", ""), True, 502, "upstream_bad_answer",
        form="whole"),
    Row("200-html", respond("text/html", "<html>Unicorn</html>"), True, 502,
        "upstream_bad_answer"),
    # Answers that break off: made good until the caller has seen an event, never after it.
    Row("whole-cut", ends("cut", after_bytes=40), True, 502, "upstream_cut_off", form="whole"),
    Row("whole-reset", ends("reset", after_bytes=40), True, 502, "upstream_cut_off",
        form="whole"),
    Row("early-cut", ends("cut", after_events=1), True, 502, "upstream_cut_off", form="stream"),
    Row("early-finish", ends("finish", after_events=1), True, 502, "upstream_truncated",
        form="stream"),
    Row("early-silence", {"stall": {"after_events": 1}}, True, 504, "upstream_idle",
        form="stream"),
    Row("late-cut", late(ends("cut", after_events=4)), False, 200, "upstream_cut_off",
        form="stream", committed=True),
    Row("late-reset", late(ends("reset", after_events=4)), False, 200, "upstream_cut_off",
        form="stream", committed=True),
    Row("late-finish", late(ends("finish", after_events=4)), False, 200, "upstream_truncated",
        form="stream", committed=True),
    Row("late-silence", late({"stall": {"after_events": 4}}), False, 200, "upstream_idle",
        form="stream", committed=True),
    Row("late-error", late({"error_event": {"after_events": 4}}), False, 200,
        "upstream_stream_error", form="stream", committed=True),
)  # fmt: skip


class Place(Enum):
    """Which of a group's accounts have the fault."""

    FIRST = "first"
    BOTH = "both"
    SECOND = "second"
    """The first one answers 500, so that the request gets there."""


@dataclass(frozen=True)
class Case:
    """A row in one form at one place, with accounts of its own."""

    row: Row
    form: str
    place: Place

    @property
    def id(self) -> str:
        return f"{self.row.name}-{self.form}-{self.place.value}"

    @property
    def accounts(self) -> tuple[str, str]:
        """In the order of their priorities."""
        return f"{self.id}-a", f"{self.id}-b"

    @property
    def faulty(self) -> Sequence[str]:
        first, second = self.accounts
        return {
            Place.FIRST: [first],
            Place.BOTH: [first, second],
            Place.SECOND: [second],
        }[self.place]

    @property
    def is_stream(self) -> bool:
        return self.form == "stream"

    # --- what has to follow ---

    @property
    def asked(self) -> tuple[int, int]:
        """How often each account is sent the request."""
        asks, goes_on = self.row.asks, self.row.moves and not self.row.recovers
        return {
            Place.FIRST: (asks, int(goes_on)),
            Place.BOTH: (asks, asks if goes_on else 0),
            Place.SECOND: (1, asks),
        }[self.place]

    @property
    def is_answered(self) -> bool:
        """Whether the caller gets a whole answer."""
        if self.row.recovers:
            return True
        return self.row.moves and self.place is Place.FIRST

    @property
    def moved_for(self) -> str | None:
        """Why the request left the first account; None when it did not."""
        if self.place is Place.SECOND:
            return "upstream_unavailable"
        return self.row.error if self.row.moves and not self.row.recovers else None

    @property
    def cooled(self) -> Sequence[str]:
        """The accounts that are set aside afterwards."""
        if self.row.cools is None or self.row.cools_model:
            return []
        return [account for account in self.faulty if self.is_asked(account)]

    def is_asked(self, account: str) -> bool:
        """Whether the request comes to this account at all."""
        return self.asked[self.accounts.index(account)] > 0


def forms_of(row: Row) -> Sequence[str]:
    """Whether it happens to streams, to whole answers, or to both."""
    return [row.form] if row.form else ["stream", "whole"]


def places_of(row: Row) -> Sequence[Place]:
    """Where it can be seen."""
    # An account that recovers sends nobody to the second one.
    return [Place.FIRST, Place.SECOND] if row.recovers else list(Place)


def short_form() -> Iterator[Case]:
    """Every row in every form once, the places in turn."""
    for number, row in enumerate(ROWS):
        for turn, form in enumerate(forms_of(row)):
            places = places_of(row)
            yield Case(row, form, places[(number + turn) % len(places)])


def part(form: str, place: Place) -> Iterator[Case]:
    """Every row in this form at this place."""
    for row in ROWS:
        if form in forms_of(row) and place in places_of(row):
            yield Case(row, form, place)


PARTS = {f"{form}-{place.value}": (form, place) for form in ("stream", "whole") for place in Place}
