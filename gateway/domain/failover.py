"""What follows from a fault before anything has gone to the caller: one table, total over Fault.

Two things follow: what becomes of the request (Action) and of the account (Penalty). Which account
is next is domain/choice.py's; what a fault means for the caller is web/problems.py's. The rows are
copilot-upstream.md §7.2-7.3, and never say to move where every account would refuse the same.
"""

from dataclasses import dataclass
from enum import Enum
from math import inf
from typing import Literal

from gateway.domain.errors import Fault

LONGEST_COOL_SECONDS = 7 * 86_400.0
"""A rate limit of 58 hours was seen; a month's quota comes back by trying once a week."""
SHORTEST_COOL_SECONDS = 1.0
"""What `Retry-After: 0` means: the header counts in whole seconds."""
FIRST_CLIENT_PAUSE_SECONDS = 60.0
LONGEST_CLIENT_PAUSE_SECONDS = 3600.0


class Action(Enum):
    """What becomes of the request."""

    STOP = "stop"
    """The caller gets the error."""
    RENEW = "renew"
    """Complain about the token, get another, same account once more; then move."""
    STRIP = "strip"
    """Take out what another account has sealed, same account once more; then stop."""
    MOVE = "move"
    MOVE_ONCE = "move_once"
    """Upstream may be working on it still: one such move for each request."""
    MOVE_IF_POOLED = "move_if_pooled"
    """Only where the operator says that the seats are one pool (`on_quota: move`)."""


class Penalty(Enum):
    """What becomes of the account, once the request has left it or ended."""

    NONE = "none"
    COOL_ACCOUNT = "cool_account"
    COOL_SEAT_MODEL = "cool_seat_model"
    """Only this model on this account."""
    STRIKE = "strike"
    """Counts towards the account's circuit breaker (domain/breaker.py)."""
    CLIENT = "client"
    """Upstream refuses this client: every account of the platform is set aside."""


COOLING = frozenset({Penalty.COOL_ACCOUNT, Penalty.COOL_SEAT_MODEL, Penalty.CLIENT})


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table."""

    action: Action
    penalty: Penalty
    default_seconds: float
    """How long to set aside where upstream does not say; 0 where nothing is set aside."""
    why: str


@dataclass(frozen=True, slots=True)
class Policy:
    """What a group's configuration says about moving."""

    max_switches: int = 5
    on_quota: Literal["stop", "move"] = "stop"


@dataclass(frozen=True, slots=True)
class Journey:
    """How far one request has come, and what it still has."""

    switches: int = 0
    """Moves to another account so far."""
    timeouts_moved: int = 0
    """Those of them that followed a time-out."""
    renewed: bool = False
    """Whether this account was asked for another token already, or never gave one."""
    stripped: bool = False
    """Whether the request went to this account without foreign state already."""
    is_bound: bool = False
    """Whether the key may use this account only."""
    has_another: bool = True
    """Whether another account could serve it now."""
    budget_allows: bool = True
    """Whether the group may fail over at present (domain/failover_budget.py)."""
    seconds_left: float = inf
    """Until the request's own deadline."""


def _stop(why: str) -> Row:
    return Row(Action.STOP, Penalty.NONE, 0.0, why)


def _strike(why: str, action: Action = Action.MOVE) -> Row:
    return Row(action, Penalty.STRIKE, 0.0, why)


def _cool(seconds: float, why: str, action: Action = Action.MOVE) -> Row:
    return Row(action, Penalty.COOL_ACCOUNT, seconds, why)


_NO_UPSTREAM = "said before any account was chosen"
_SAME_EVERYWHERE = "the request is at fault, and every account would say the same"
_OPERATOR = "the seat is broken until its operator has looked; others may be well"
_STALE = "a new token may be all that is missing; if it is refused too, it is the seat"

TABLE: dict[Fault, Row] = {
    Fault.CALLER_KEY_MISSING: _stop(_NO_UPSTREAM),
    Fault.CALLER_KEY_UNKNOWN: _stop(_NO_UPSTREAM),
    Fault.CALLER_KEY_EXPIRED: _stop(_NO_UPSTREAM),
    Fault.CALLER_KEY_REVOKED: _stop("its streams end, and nothing is sent for it"),
    Fault.CALLER_KEY_TOKEN: _stop(_NO_UPSTREAM),
    Fault.CALLER_KEYS_CONFLICT: _stop(_NO_UPSTREAM),
    Fault.CALLER_HTTP_INVALID: _stop(_NO_UPSTREAM),
    Fault.CALLER_PATH_UNKNOWN: _stop(_NO_UPSTREAM),
    Fault.CALLER_ENDPOINT_UNSUPPORTED: _stop(_NO_UPSTREAM),
    Fault.CALLER_METHOD_NOT_ALLOWED: _stop(_NO_UPSTREAM),
    Fault.CALLER_BODY_INVALID: _stop(_NO_UPSTREAM),
    Fault.CALLER_BODY_TIMEOUT: _stop(_NO_UPSTREAM),
    Fault.CALLER_BODY_TOO_LARGE: _stop(_SAME_EVERYWHERE),
    Fault.CALLER_MODEL_NOT_FOUND: _stop(_SAME_EVERYWHERE),
    Fault.CALLER_MODEL_ENDPOINT: _stop(_SAME_EVERYWHERE),
    Fault.CALLER_VISION_UNSUPPORTED: _stop(_SAME_EVERYWHERE),
    Fault.CALLER_CONTEXT_LENGTH: _stop(_SAME_EVERYWHERE),
    Fault.CALLER_CONTENT_FILTERED: _stop(_SAME_EVERYWHERE),
    Fault.CALLER_REQUEST_REFUSED: _stop(_SAME_EVERYWHERE),
    Fault.POLICY_PLATFORM: _stop(_NO_UPSTREAM),
    Fault.POLICY_CONCURRENCY: _stop(_NO_UPSTREAM),
    Fault.POLICY_GROUP: _stop(_NO_UPSTREAM),
    Fault.POLICY_TOKEN: _stop(_NO_UPSTREAM),
    Fault.POLICY_GUESSING: _stop(_NO_UPSTREAM),
    Fault.POLICY_RATE: _stop("the rate is the key's, whatever the account"),
    Fault.POLICY_PAUSED: _stop("an operator wants it so"),
    Fault.POLICY_BUDGET: _stop("the budget is the key's or its group's, whatever the account"),
    Fault.POLICY_BUDGET_UNKNOWN: _stop("likewise"),
    # The broker's word about a seat. Asking it again costs one call, hence short defaults.
    Fault.SEAT_UNKNOWN: _cool(60.0, _OPERATOR),
    Fault.SEAT_CREDENTIAL: _cool(60.0, _OPERATOR),
    Fault.SEAT_NO_ACCESS: _cool(60.0, _OPERATOR),
    Fault.SEAT_TOKEN_UNAVAILABLE: _cool(10.0, "GitHub gives this seat no token at the moment"),
    # 401 and 421, and what the broker says of both: then there is no token to renew.
    # The token only strikes: one that is all but new is not replaced, and may work all the same;
    # when token after token is refused, the broker gives none (SEAT_TOKEN_UNAVAILABLE).
    Fault.SEAT_TOKEN_REJECTED: _strike(_STALE, Action.RENEW),
    Fault.SEAT_WRONG_HOST: _cool(60.0, f"a new exchange names the host; {_STALE}", Action.RENEW),
    # 403 and 400 about the seat: an operator's policy must not be walked around.
    Fault.SEAT_FORBIDDEN: _stop("a policy forbids it; trying seats until one may is evasion"),
    Fault.SEAT_IDENTITY: _stop("how this gateway presents itself is the same for every seat"),
    Fault.SEAT_QUOTA: _cool(
        3600.0,
        "the seat's money is spent; whether another seat's may be is the operator's to say",
        Action.MOVE_IF_POOLED,
    ),
    Fault.SEAT_RATE_LIMITED: _cool(60.0, "the limit is this seat's"),
    Fault.SEAT_MODEL_RATE_LIMITED: Row(
        Action.MOVE, Penalty.COOL_SEAT_MODEL, 60.0, "the limit is this seat's for this model"
    ),
    Fault.SEAT_BUSY: Row(
        Action.MOVE, Penalty.NONE, 0.0, "it has as many requests as it may, and serves them well"
    ),
    Fault.SEAT_UNAVAILABLE: _stop("said when no account is left"),
    Fault.SEAT_STATE_FOREIGN: Row(
        Action.STRIP,
        Penalty.NONE,
        0.0,
        "the account is well, the history holds what another one sealed",
    ),
    # This client as such: going from seat to seat is what abuse looks like.
    Fault.UPSTREAM_CLIENT_REFUSED: Row(
        Action.STOP, Penalty.CLIENT, 60.0, "466 or the terms of service: no seat changes it"
    ),
    Fault.UPSTREAM_RATE_LIMITED: Row(
        Action.STOP, Penalty.CLIENT, 60.0, "the limit counts all seats of this client together"
    ),
    # The account's way to upstream, or upstream itself.
    Fault.UPSTREAM_OVERLOADED: _strike("503: another account may be on another back-end"),
    Fault.UPSTREAM_MODEL_OVERLOADED: Row(
        Action.MOVE, Penalty.COOL_SEAT_MODEL, 10.0, "capacity comes and goes; other models serve"
    ),
    Fault.UPSTREAM_UNAVAILABLE: _strike("5xx or no connection: nothing was begun, or it failed"),
    Fault.UPSTREAM_REQUEST_TIMEOUT: _strike(
        "408: the request did not arrive, so nothing was begun"
    ),
    Fault.UPSTREAM_TIMEOUT: _strike(
        "no answer to a whole request: it may be answered, and paid for, twice", Action.MOVE_ONCE
    ),
    Fault.UPSTREAM_IDLE: _strike(
        "an answer that stopped before it began: it may be paid for twice", Action.MOVE_ONCE
    ),
    Fault.UPSTREAM_BAD_ANSWER: _strike("not what upstream says when it is well"),
    Fault.UPSTREAM_CUT_OFF: _strike("the connection broke before anything was said"),
    Fault.UPSTREAM_TRUNCATED: _strike("the answer ended before anything was said"),
    Fault.UPSTREAM_STREAM_ERROR: _strike("the answer failed before anything was said"),
    Fault.GATEWAY_TOKEN_SERVICE: Row(
        Action.MOVE, Penalty.NONE, 0.0, "another account's token may be here already"
    ),
    Fault.GATEWAY_DEADLINE: _stop("there is no time left"),
    Fault.GATEWAY_DRAINING: _stop("this replica is ending; another one serves"),
    Fault.GATEWAY_JOURNAL_FULL: _stop("this replica cannot write down what it would serve"),
    Fault.GATEWAY_KEYS: _stop(_NO_UPSTREAM),
    Fault.GATEWAY_ISSUER: _stop(_NO_UPSTREAM),
    Fault.GATEWAY_LEDGER: _stop("what was asked for is in a database that does not answer"),
    Fault.GATEWAY_VISION_HEADER: _stop("a defect of ours, the same on every account"),
    Fault.GATEWAY_OTHER: _stop("a defect of ours; what it would do elsewhere is not known"),
}


def decide(fault: Fault, journey: Journey, policy: Policy) -> Action:
    """What becomes of a request whose attempt failed: STOP, RENEW, STRIP or MOVE."""
    action = TABLE[fault].action
    if journey.seconds_left <= 0:
        return Action.STOP
    if action is Action.RENEW and not journey.renewed:
        return Action.RENEW
    if action is Action.STRIP and not journey.stripped:
        return Action.STRIP
    moves = _wants_move(action, journey, policy) and _may_move(journey, policy)
    return Action.MOVE if moves else Action.STOP


def _wants_move(action: Action, journey: Journey, policy: Policy) -> bool:
    """Whether this fault is one that another account may not have."""
    match action:
        case Action.MOVE | Action.RENEW:
            return True
        case Action.MOVE_ONCE:
            return journey.timeouts_moved == 0
        case Action.MOVE_IF_POOLED:
            return policy.on_quota == "move"
        case Action.STOP | Action.STRIP:
            return False


def _may_move(journey: Journey, policy: Policy) -> bool:
    """Whether there is somewhere to go, and the right to."""
    return (
        not journey.is_bound
        and journey.has_another
        and journey.budget_allows
        and journey.switches < policy.max_switches
    )


def cool_seconds(fault: Fault, retry_after: float | None) -> float:
    """How long to set aside what the fault's penalty names; 0 where it names nothing for a time.

    retry_after: what upstream or the broker said, seconds. CLIENT rows wait at least as long as
    `client_pause` says.
    """
    row = TABLE[fault]
    if row.penalty not in COOLING:
        return 0.0
    seconds = row.default_seconds if retry_after is None else retry_after
    return min(LONGEST_COOL_SECONDS, max(SHORTEST_COOL_SECONDS, seconds))


def client_pause(opened_times: int) -> float:
    """Seconds to leave a platform alone that has refused this client so many times in a row."""
    # 2**10 is beyond the longest; a larger exponent would only make large numbers.
    doubled = FIRST_CLIENT_PAUSE_SECONDS * 2.0 ** min(max(opened_times - 1, 0), 10)
    return min(LONGEST_CLIENT_PAUSE_SECONDS, doubled)
