"""The same answer again, for a moment: what makes a call from memory cost little.

An answer with a fresh token is kept, serialized, for WINDOW_SECONDS for the caller and the
account it was made for. Who calls is asked for every call all the same, and every call is
counted, limited and audited; what is spared is deciding and building what was decided and built
a moment ago. A change of the account, of its token or of the callers' rights drops what was
kept at once. The durations in a kept answer are those at the window's end, so that they never
promise too much.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.duration_pb2 import Duration

from protos.token_service.v1 import token_service_pb2 as pb
from token_service.domain.tokens import AccountId
from token_service.ports.clock import Clock
from token_service.ports.tokens import BrokerEvents

WINDOW_SECONDS = 0.1
# Callers × accounts; a fleet with more drops them all now and then, which costs it little.
MOST_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class WarmAnswer:
    """A GetCopilotTokenResponse on the wire, and what it grants. until: monotonic seconds."""

    data: bytes = field(repr=False)
    account: AccountId
    token_id: str
    generation: int
    until: float


class WarmAnswers:
    """Answers of the last moment, by account and caller."""

    def __init__(self, events: BrokerEvents, clock: Clock) -> None:
        self._events = events
        self._clock = clock
        self._kept: dict[str, dict[str, WarmAnswer]] = {}
        self._count = 0

    def find(self, caller: str, request: pb.GetCopilotTokenRequest) -> WarmAnswer | None:
        """What this caller may be given again; it is counted as given from memory."""
        of_account = self._kept.get(request.account)
        if of_account is None:
            return None
        found = of_account.get(caller)
        # A wish for more life than the token has is the broker's to judge, each time.
        if found is None or self._clock.monotonic() >= found.until or request.HasField("min_ttl"):
            return None
        self._events.served(found.account, "memory")
        return found

    def forget(self, account: AccountId) -> None:
        """The account, or what is known of it, has changed."""
        self._count -= len(self._kept.pop(account, ()))

    def clear(self) -> None:
        """Accounts or callers have changed."""
        self._kept.clear()
        self._count = 0

    def keep(self, caller: str, answer: pb.GetCopilotTokenResponse) -> None:
        """This is what the caller was given just now."""
        token = answer.token
        if token.state != pb.TOKEN_STATE_FRESH:
            return
        if self._count >= MOST_KEPT:
            self.clear()
        kept = pb.GetCopilotTokenResponse()
        kept.CopyFrom(answer)
        left = min(_shorten(kept.token.refresh_in), _shorten(kept.token.expires_in))
        of_account = self._kept.setdefault(token.account, {})
        self._count += caller not in of_account
        of_account[caller] = WarmAnswer(
            kept.SerializeToString(),
            AccountId(token.account),
            token.token_id,
            token.generation,
            self._clock.monotonic() + min(WINDOW_SECONDS, left),
        )


def _shorten(duration: Duration) -> float:
    """Take the window off the duration; the seconds it had before."""
    before: float = duration.ToNanoseconds() / 1e9
    duration.FromNanoseconds(max(0, int((before - WINDOW_SECONDS) * 1e9)))
    return before


def on_the_wire(serialize: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    """A serializer that passes kept answers on as they are."""

    def serialized(answer: Any) -> bytes:
        return answer.data if type(answer) is WarmAnswer else serialize(answer)

    return serialized
