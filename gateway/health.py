"""USE CASE: what is known of accounts' health, from this replica's failures and the others' word.

Turns a failure into its penalty (domain/failover.TABLE), tells the other replicas through the
board, and says why an account may not be used now. Chooses nothing and sends nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.domain import failover, subjects
from gateway.domain.breaker import Breaker
from gateway.domain.cooldowns import Cooldowns
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.failover import Penalty
from gateway.domain.failover_budget import FailoverBudget
from gateway.domain.obstacles import Obstacle
from gateway.domain.platforms.table import PLATFORMS
from gateway.domain.subjects import Subject
from gateway.ports.clock import Clock
from gateway.ports.events import GatewayEvents
from gateway.ports.shared_state import Board, Posted

PROBE_SECONDS = 30.0
"""After a client-wide refusal one request at a time finds out whether it still stands."""
PROBE_RETRY_SECONDS = 5.0
OK_STATE = "ok"
UPSTREAM_SPOKE = frozenset(
    {fault for fault in Fault if fault.value.startswith("caller_")}
    | {Fault.SEAT_RATE_LIMITED, Fault.SEAT_MODEL_RATE_LIMITED, Fault.SEAT_QUOTA}
    | {Fault.SEAT_STATE_FOREIGN}
)
"""What upstream only says of a request that it has looked at: so it serves this client."""
MAX_GROUPS = 10_000


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request to one account, as far as its failure says something about the account."""

    account: str
    model: str
    group: str
    platform: str
    key: str
    keys_in_group: int
    body_digest: bytes


class Health:
    """Of every account of this process."""

    def __init__(self, board: Board, clock: Clock, events: GatewayEvents) -> None:
        self._board = board
        self._clock = clock
        self._events = events
        self._cooldowns = Cooldowns()
        self._breaker = Breaker()
        self._budgets: dict[str, FailoverBudget] = {}
        self._refusals_in_a_row: dict[str, int] = {}
        self._probes: dict[str, float] = {}
        self._paused: frozenset[Subject] = frozenset()
        board.follow(self._heard)

    # --- may it be used ---

    def obstacle(self, account: str, model: str, group: str, platform: str) -> Obstacle | None:
        """Why this account may not serve this now; None when it may."""
        if not self._cooldowns.concern(account, model, group, platform):
            return None
        now = self._clock.monotonic()
        found = self._cooldowns.why_not(account, model, group, platform, now)
        if found is None:
            return None
        fault, until = found
        return Obstacle(fault, None if until is None else max(0.0, until - now))

    def begin_probe(self, platform: str) -> Obstacle | None:
        """Whether a request may go to a platform that refused this client lately.

        The first one may, and the others wait for what becomes of it.
        """
        if platform not in self._refusals_in_a_row:
            return None
        now = self._clock.monotonic()
        if self._probes.get(platform, now) > now:
            return Obstacle(Fault.UPSTREAM_CLIENT_REFUSED, PROBE_RETRY_SECONDS)
        self._probes[platform] = now + PROBE_SECONDS
        return None

    def states(self, accounts: Iterable[str]) -> Mapping[str, str]:
        """Each account's state in one word: `ok`, or why it is set aside."""
        now = self._clock.monotonic()
        words = {}
        for account in accounts:
            found = self._cooldowns.why_not(account, "", "", "", now)
            words[account] = OK_STATE if found is None else found[0].value
        return words

    # --- what happened ---

    def asked(self, group: str) -> None:
        """A request of the group begins."""
        self._budget(group).asked(self._clock.monotonic())

    def allows_failover(self, group: str) -> bool:
        """Whether the group may move another request now."""
        return self._budget(group).allows(self._clock.monotonic())

    def moved(self, group: str) -> None:
        """A request of the group goes on to another account."""
        self._budget(group).moved(self._clock.monotonic())

    def succeeded(self, account: str, platform: str) -> None:
        """The account answered."""
        self._breaker.succeeded(account)
        self._accepted(platform)

    def failed(self, attempt: Attempt, error: GatewayError) -> None:
        """The account did not answer, or not well: the penalty of the table."""
        if not error.blames_account:
            return
        penalty = failover.TABLE[error.fault].penalty
        if penalty is Penalty.CLIENT:
            if PLATFORMS[attempt.platform].has_client_breaker:
                self._refuse_client(attempt.platform, error)
            return
        if error.fault in UPSTREAM_SPOKE:
            self._accepted(attempt.platform)
        subject, seconds = self._penalty(penalty, attempt, error)
        if subject is not None:
            self._set_aside(subject, seconds, error.fault)

    # --- inside ---

    def _penalty(
        self, penalty: Penalty, attempt: Attempt, error: GatewayError
    ) -> tuple[Subject | None, float]:
        if penalty is Penalty.COOL_ACCOUNT:
            seconds = failover.cool_seconds(error.fault, error.retry_after)
            return subjects.account(attempt.account), seconds
        if penalty is Penalty.COOL_SEAT_MODEL:
            seconds = failover.cool_seconds(error.fault, error.retry_after)
            return subjects.seat_model(attempt.account, attempt.model), seconds
        if penalty is Penalty.STRIKE:
            opened = self._breaker.strike(
                attempt.account,
                attempt.key,
                attempt.body_digest,
                attempt.keys_in_group,
                self._clock.monotonic(),
            )
            if opened is not None:
                return subjects.account(attempt.account), opened
        return None, 0.0

    def _refuse_client(self, platform: str, error: GatewayError) -> None:
        times = self._refusals_in_a_row.get(platform, 0) + 1
        self._refusals_in_a_row[platform] = times
        self._probes.pop(platform, None)
        seconds = max(
            failover.client_pause(times), failover.cool_seconds(error.fault, error.retry_after)
        )
        self._events.client_refused(platform, True)
        self._set_aside(subjects.client(platform), seconds, error.fault)

    def _accepted(self, platform: str) -> None:
        """Upstream spoke with this client at all."""
        if self._refusals_in_a_row.pop(platform, None) is not None:
            self._probes.pop(platform, None)
            self._cooldowns.lift(subjects.client(platform))
            self._board.take_down(subjects.client(platform))
            self._events.client_refused(platform, False)

    def _set_aside(self, subject: Subject, seconds: float, fault: Fault) -> None:
        self._cooldowns.cool(subject, self._clock.monotonic() + seconds, fault)
        self._board.post(subject, Posted(seconds, fault.value))
        self._events.set_aside(subject, seconds, fault)

    def _heard(self, board: Mapping[Subject, Posted]) -> None:
        """What all replicas know; ours is in it."""
        self._cooldowns.replace(board, self._clock.monotonic())
        paused = frozenset(each for each, posted in board.items() if posted.seconds is None)
        for subject in paused - self._paused:
            self._events.paused(subject, True)
        for subject in self._paused - paused:
            self._events.paused(subject, False)
        self._paused = paused

    def _budget(self, group: str) -> FailoverBudget:
        budget = self._budgets.get(group)
        if budget is None:
            if len(self._budgets) >= MAX_GROUPS:
                self._budgets.clear()
            budget = self._budgets[group] = FailoverBudget()
        return budget
