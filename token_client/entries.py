"""What is known of one account: its token, the last failure, and what upstream said of the token.

Pure: times are monotonic seconds given by the caller, jitter is in [0, 1).
"""

from dataclasses import dataclass, replace

from token_client.errors import BrokerUnreachable, TokenError
from token_client.lifetime import MIN_REFRESH_SECONDS, combined, pause_after
from token_client.token import Token

COMPLAINT_PAUSE_SECONDS = 5.0
"""A complaint that changed nothing is not repeated before this: the broker has its reasons."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """Upstream refused a token."""

    token_id: str
    reason: str


@dataclass(slots=True)
class Entry:
    """One account. Its methods are the rules; who calls whom is the client's."""

    token: Token | None = None
    error: TokenError | None = None
    failures: int = 0
    pause_until: float = 0.0
    unconfirmed: bool = False
    """The token came by the stream, and nobody has asked for it yet."""
    complaint: Complaint | None = None
    """Still to be told to the broker."""
    doubted: str = ""
    """The token_id that is not to be used, since upstream refused it."""
    settled: str = ""
    """The token_id about which a complaint changed nothing, until settled_until."""
    settled_until: float = 0.0

    def usable(self, now: float) -> Token | None:
        """The token if it lives and is not in doubt."""
        token = self.token
        if token is None or token.token_id == self.doubted:
            return None
        return None if now >= token.lifetime.dead_at else token

    def wants_asking(self, token: Token, now: float) -> bool:
        """Whether its user should have the broker asked, for the usable token.

        For a renewal when it is due; once in the life of a pushed one, so that the broker learns
        that the account is in use, and we how long the token lives.
        """
        return (self.unconfirmed or now >= token.lifetime.due_at) and now >= self.pause_until

    def refusal(self, now: float) -> TokenError | None:
        """The remembered failure, while asking again makes no sense."""
        if self.error is None or now >= self.pause_until or self.complaint is not None:
            return None
        return self.error.again(self.pause_until - now)

    def pushed(self, token: Token, now: float) -> bool:
        """A token came by itself; whether it is a newer one, and usable."""
        if now >= token.lifetime.dead_at or token.token_id == self.doubted:
            return False
        if not self._take(token, self._supersedes(token, now)):
            return False
        self.failures, self.error, self.pause_until = 0, None, 0.0
        self.unconfirmed = True
        return True

    def answered(self, token: Token, now: float) -> None:
        """The broker gave a token to one who asked."""
        self.unconfirmed = False
        self.failures, self.error, self.pause_until = 0, None, 0.0
        told = self.complaint is None
        # After a complaint the broker's word counts, whatever number its token has.
        self._take(token, self._supersedes(token, now) or (told and self.usable(now) is None))
        if self.token is not None and self.token.token_id != token.token_id:
            self.pause_until = now + MIN_REFRESH_SECONDS
        if told and token.token_id == self.doubted:
            self._settle(now)

    def failed(self, error: TokenError, now: float, jitter: float) -> None:
        """The broker gave none."""
        self.failures += 1
        self.error = error
        self.pause_until = now + pause_after(self.failures, error.retry_after, jitter)
        if isinstance(error, BrokerUnreachable) and self.doubted and self.complaint is None:
            # Nobody can give a better one: upstream's refusal may have been a passing one.
            self._settle(now)

    def removed(self) -> None:
        """The account is no longer there, or no longer ours: the next caller asks, and hears."""
        self.token, self.error, self.pause_until = None, None, 0.0

    def complain(self, token_id: str, reason: str, now: float) -> bool:
        """Upstream refused a token; whether the broker has to be told."""
        if self.complaint is None:
            if self.other_than(token_id, now) is not None:
                return False
            if token_id == self.settled and now < self.settled_until:
                return False
            self.complaint, self.doubted = Complaint(token_id, reason), token_id
        return True

    def told(self, complaint: Complaint | None) -> None:
        """The broker has been told, or could not be; not of a complaint that came since."""
        if self.complaint is complaint:
            self.complaint = None

    def other_than(self, token_id: str, now: float) -> Token | None:
        """The usable token, unless it is that one."""
        token = self.usable(now)
        return None if token is None or token.token_id == token_id else token

    def _supersedes(self, new: Token, now: float) -> bool:
        """A replica that restarted may know an older token than the one asked before it."""
        old = self.token
        return old is None or now >= old.lifetime.dead_at or new.generation >= old.generation

    def _take(self, new: Token, supersedes: bool) -> bool:
        """Whether it was another token, and has taken the old one's place."""
        old = self.token
        if old is not None and old.token_id == new.token_id:
            self.token = replace(new, lifetime=combined(old.lifetime, new.lifetime))
            return False
        if supersedes:
            self.token = new
            if self.complaint is not None and self.complaint.token_id != new.token_id:
                self.complaint = None
        return supersedes

    def _settle(self, now: float) -> None:
        self.settled, self.settled_until = self.doubted, now + COMPLAINT_PAUSE_SECONDS
        self.doubted = ""
