"""The device flow's grants (§2.2): codes that wait for a person, and how they are polled."""

from collections import OrderedDict
from dataclasses import dataclass, field
from enum import StrEnum

from simulator.scenario.document import DeviceKnobs

MOST_GRANTS = 10_000
SLOWER_SECONDS = 5
# A poll this much early is not held against a client: timers and networks are not exact.
TOLERANCE_SECONDS = 0.25


class Decision(StrEnum):
    """What the person said."""

    PENDING = "pending"
    GRANTED = "granted"
    DENIED = "denied"


class Poll(StrEnum):
    """What one poll is answered, by its error code; GRANTED is no error."""

    GRANTED = "granted"
    PENDING = "authorization_pending"
    SLOW_DOWN = "slow_down"
    EXPIRED = "expired_token"
    DENIED = "access_denied"
    UNKNOWN = "incorrect_device_code"


@dataclass
class Grant:
    """One pair of codes. Times in seconds since the epoch, the interval in seconds."""

    device_code: str = field(repr=False)
    user_code: str
    client_id: str
    expires_at: float
    interval: int
    account: str
    decision: Decision = Decision.PENDING
    polls: int = 0
    polled_at: float | None = None


class Grants:
    """Grants by both codes, the oldest forgotten first."""

    def __init__(self, knobs: DeviceKnobs) -> None:
        self._knobs = knobs
        self._by_device_code: OrderedDict[str, Grant] = OrderedDict()

    def open(self, device_code: str, user_code: str, client_id: str, now: float) -> Grant:
        """A new grant that nobody has decided about."""
        grant = Grant(
            device_code=device_code,
            user_code=user_code,
            client_id=client_id,
            expires_at=now + self._knobs.expires_in_seconds,
            interval=self._knobs.interval_seconds,
            account=self._knobs.account,
        )
        self._by_device_code[device_code] = grant
        if len(self._by_device_code) > MOST_GRANTS:
            self._by_device_code.popitem(last=False)
        return grant

    def by_user_code(self, user_code: str) -> Grant | None:
        """The grant a person types in; dashes and case do not matter."""
        wanted = _plain(user_code)
        grants = self._by_device_code.values()
        return next((each for each in grants if _plain(each.user_code) == wanted), None)

    def all(self) -> list[Grant]:
        """Every grant that is remembered."""
        return list(self._by_device_code.values())

    def poll(self, device_code: str, client_id: str, now: float) -> tuple[Poll, Grant | None]:
        """One poll. A granted code is used up; polling too fast makes the interval grow."""
        grant = self._by_device_code.get(device_code)
        if grant is None or grant.client_id != client_id:
            return Poll.UNKNOWN, None
        if now >= grant.expires_at:
            return Poll.EXPIRED, grant
        if _too_early(grant, now):
            grant.interval += SLOWER_SECONDS
            grant.polled_at = now
            return Poll.SLOW_DOWN, grant
        grant.polls += 1
        grant.polled_at = now
        return self._judge(grant), grant

    def _judge(self, grant: Grant) -> Poll:
        if grant.decision is Decision.PENDING and grant.polls > self._knobs.after_polls:
            grant.decision = _AUTOMATIC.get(self._knobs.answer, grant.decision)
        if grant.decision is Decision.PENDING:
            return Poll.PENDING
        del self._by_device_code[grant.device_code]
        return Poll.GRANTED if grant.decision is Decision.GRANTED else Poll.DENIED


_AUTOMATIC = {"grant": Decision.GRANTED, "deny": Decision.DENIED}


def _too_early(grant: Grant, now: float) -> bool:
    if grant.polled_at is None:
        return False
    return now - grant.polled_at < grant.interval - TOLERANCE_SECONDS


def _plain(user_code: str) -> str:
    return user_code.replace("-", "").upper()
