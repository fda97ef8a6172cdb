"""What keeps accounts away from a request, and what the caller is told when it is all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.domain.errors import Fault, GatewayError

UNKNOWN_RETRY_SECONDS = 30.0

LIMITS = frozenset({Fault.SEAT_RATE_LIMITED, Fault.SEAT_MODEL_RATE_LIMITED})
PASSED_ON = frozenset(
    {Fault.SEAT_QUOTA, Fault.UPSTREAM_CLIENT_REFUSED, Fault.UPSTREAM_RATE_LIMITED}
    | {Fault.UPSTREAM_MODEL_OVERLOADED}
)
"""What callers should know by its own name when it keeps every account away."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why an account may not be used, and for how long that is known to last."""

    fault: Fault
    seconds: float | None


def shortest_wait(obstacles: Sequence[Obstacle]) -> float | None:
    """Seconds until the first of them is gone; None where that is known of none."""
    return min((each.seconds for each in obstacles if each.seconds is not None), default=None)


def nothing_eligible(obstacles: Sequence[Obstacle]) -> GatewayError:
    """The caller's error when no account can serve: the shortest true wait, and whose fault.

    429 where limits are all that stands in the way; 503 for anything else.
    """
    if not obstacles:
        return GatewayError(
            Fault.SEAT_UNAVAILABLE,
            "No account of this group can serve this request.",
        )
    wait = shortest_wait(obstacles)
    faults = {each.fault for each in obstacles}
    fault = _name_for(faults)
    return GatewayError(
        fault,
        MESSAGES.get(fault, MESSAGES[Fault.SEAT_UNAVAILABLE]),
        retry_after=UNKNOWN_RETRY_SECONDS if wait is None else wait,
    )


def _name_for(faults: set[Fault]) -> Fault:
    if len(faults) == 1:
        only = next(iter(faults))
        if only in LIMITS | PASSED_ON | {Fault.POLICY_PAUSED, Fault.SEAT_BUSY}:
            return only
    if faults <= LIMITS | {Fault.SEAT_QUOTA, Fault.SEAT_BUSY}:
        return Fault.SEAT_RATE_LIMITED
    return Fault.SEAT_UNAVAILABLE


MESSAGES: dict[Fault, str] = {
    Fault.SEAT_RATE_LIMITED: "Every seat of this group is at its rate limit; try again later.",
    Fault.SEAT_MODEL_RATE_LIMITED: "Every seat is at its rate limit for this model; try later.",
    Fault.SEAT_QUOTA: "The Copilot quota of every seat of this group is used up.",
    Fault.SEAT_BUSY: "Every seat of this group is busy; try again in a moment.",
    Fault.POLICY_PAUSED: "This is paused by the gateway's operators.",
    Fault.UPSTREAM_CLIENT_REFUSED: (
        "Copilot does not serve this gateway at the moment; its operators have to look."
    ),
    Fault.UPSTREAM_MODEL_OVERLOADED: "The model is overloaded; wait, or use another one.",
    Fault.UPSTREAM_RATE_LIMITED: "Copilot limits this whole gateway at the moment; try later.",
    Fault.SEAT_UNAVAILABLE: "No seat of this group can serve at the moment; try again later.",
}
