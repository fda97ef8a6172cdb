"""How long requests may live: to their own deadlines, to the end of a drain, and no longer than the
key they came with.

All requests may live equally long, so they end in the order in which they began: one timer, for the
oldest, serves them all.
"""

import asyncio
from collections.abc import Callable

from gateway.domain.errors import Fault, GatewayError

ENDED = {
    Fault.GATEWAY_DEADLINE: "The request took longer than the gateway allows.",
    Fault.GATEWAY_DRAINING: "The gateway is restarting; send the request again.",
    Fault.CALLER_KEY_REVOKED: "The API key was revoked; ask for a new one.",
}
RETRY_SECONDS = {Fault.GATEWAY_DEADLINE: 1.0, Fault.GATEWAY_DRAINING: 1.0}


class Life:
    """Of one request, which is its task's."""

    __slots__ = ("_task", "ends_at", "fault", "key_sha256")

    def __init__(self, task: "asyncio.Task[object]", key_sha256: str, ends_at: float) -> None:
        self._task = task
        self.key_sha256 = key_sha256
        self.ends_at = ends_at
        """In the loop's time."""
        self.fault: Fault | None = None
        """Why it was ended before it was over."""

    def cut_short(self, fault: Fault) -> None:
        """End it: its task is cancelled. What ends already does so for its own reason."""
        if self.fault is None:
            self.fault = fault
            self._task.cancel()

    def why_cancelled(self) -> GatewayError | None:
        """To be asked once, by the task, about a CancelledError: the error to raise in its place;
        None where somebody else has cancelled the task too."""
        if self.fault is None or self._task.uncancel() > 0:
            return None
        return _ended(self.fault)


class Lifetimes:
    """Of the requests under way.

    is_revoked: whether a key, by its SHA-256, was taken back: a request may have been read while
    that happened.
    """

    def __init__(
        self, total_seconds: float, is_revoked: Callable[[str], bool] = lambda _: False
    ) -> None:
        self._total_seconds = total_seconds
        self._is_revoked = is_revoked
        self._loop = asyncio.get_running_loop()
        self._lives: dict[Life, None] = {}
        """The oldest first."""
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False

    @property
    def under_way(self) -> int:
        """How many requests live."""
        return len(self._lives)

    def begin(self, key_sha256: str = "") -> Life:
        """The present task's life; `end` follows. Raises GatewayError when there is none to be had.

        Its time is over when the task is cancelled and `why_cancelled` says so.
        """
        if self._is_revoked(key_sha256):
            raise _ended(Fault.CALLER_KEY_REVOKED)
        if self._is_over:
            raise _ended(Fault.GATEWAY_DRAINING)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  requests are tasks
        life = Life(task, key_sha256, self._loop.time() + self._total_seconds)
        self._lives[life] = None
        if self._timer is None:
            self._timer = self._loop.call_at(life.ends_at, self._look)
        return life

    def end(self, life: Life) -> None:
        """The request is over."""
        del self._lives[life]

    def end_of(self, key_sha256: str) -> None:
        """The key was taken back: what it has under way ends now."""
        for life in self._lives:
            if life.key_sha256 == key_sha256:
                life.cut_short(Fault.CALLER_KEY_REVOKED)

    def end_all(self) -> None:
        """The drain is over: whatever is under way ends now, each with an error of its own."""
        self._is_over = True
        for life in self._lives:
            life.cut_short(Fault.GATEWAY_DRAINING)

    def _look(self) -> None:
        """Called by the timer, which is set for the oldest life there was."""
        self._timer = None
        now = self._loop.time()
        for life in self._lives:
            if life.ends_at > now:
                self._timer = self._loop.call_at(life.ends_at, self._look)
                return
            life.cut_short(Fault.GATEWAY_DEADLINE)


def _ended(fault: Fault) -> GatewayError:
    return GatewayError(fault, ENDED[fault], retry_after=RETRY_SECONDS.get(fault))
