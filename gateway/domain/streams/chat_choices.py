"""One choice made of those that upstream split an answer into (copilot-upstream.md §6.2, §6.3).

Claude's text comes as the first choice and each tool call as another one; whoever asked for one
answer reads the first and loses the calls. Here all become the first choice: the calls get
indexes of their own, and one finish reason is left. To know that it is the last one, a chunk that
finishes is held until it is clear that nothing more comes.
"""

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.streams import chat_chunks
from gateway.domain.streams.chat_chunks import Choice, Fields
from gateway.domain.streams.framing import with_data

MAX_CALLS = 4096
NOTHING_USED: Fields = {}

# What a client has to act on wins; a plain stop says least.
_WEIGHTS = {"stop": 0, "tool_calls": 2, "function_call": 2}
_OTHER_WEIGHT = 1


def weightier(reason: str, than: str) -> bool:
    """Whether one finish reason says more than another; an empty one says nothing."""
    return not than or _WEIGHTS.get(reason, _OTHER_WEIGHT) > _WEIGHTS.get(than, _OTHER_WEIGHT)


class CallIndexes:
    """Gives every tool call an index no other has; its own where that is free."""

    __slots__ = ("_given", "_taken")

    def __init__(self) -> None:
        self._given: dict[tuple[int, int], tuple[str, int]] = {}
        self._taken: set[int] = set()

    def of(self, choice: Choice) -> list[int]:
        """The indexes of the calls a choice carries on. Raises GatewayError: too many calls."""
        if not choice.calls:
            return []
        return [
            self._index(choice.number, call.index if call.index is not None else place, call.id)
            for place, call in enumerate(choice.calls)
        ]

    def _index(self, choice: int, index: int, id_: str | None) -> int:
        known = self._given.get((choice, index))
        # Some back-ends give all calls one index: another id there is another call (§6.2).
        if known is not None and (not id_ or not known[0] or id_ == known[0]):
            self._given[choice, index] = (known[0] or id_ or "", known[1])
            return known[1]
        if len(self._taken) >= MAX_CALLS:
            raise GatewayError(Fault.UPSTREAM_BAD_ANSWER, "Upstream calls too many tools.")
        is_own = choice == 0 and index >= 0 and index not in self._taken
        given = index if is_own else max(self._taken, default=-1) + 1
        self._taken.add(given)
        self._given[choice, index] = (id_ or "", given)
        return given


class Ending:
    """The chunk that finishes the choice, held back."""

    __slots__ = ("_is_said", "data", "event", "is_ahead", "is_sent", "reason", "usage")

    def __init__(self) -> None:
        self.reason = ""
        self.event = b""
        self.data = b""
        """What the event says."""
        self.usage: Fields = NOTHING_USED
        self.is_ahead = False
        """What the chunk adds to the answer has been sent, and only the end is left of it."""
        self.is_sent = False
        self._is_said = True
        """The last chunk says all that is known of the end."""

    @property
    def is_held(self) -> bool:
        """Whether something has to be sent before anything else is."""
        return bool(self.event) and not (self.is_ahead or self.is_sent)

    def hold(self, event: bytes, data: bytes, reason: str, usage: Fields) -> None:
        """Hold a chunk back; it is the last one as far as is known. usage: what it says of that."""
        if weightier(reason, self.reason):
            self.reason = reason
        self.event, self.data, self.is_ahead = event, data, False
        if usage:
            self.usage = {**self.usage, **usage}
        self._is_said = reason == self.reason and usage == self.usage

    def overtaken(self) -> bytes:
        """Something comes after it: the event that says what it adds to the answer, if it does."""
        if not self.is_held:
            return b""
        self.is_ahead = True
        return without_end(self.event, self.data)

    def release(self) -> bytes:
        """The event to send now that nothing comes; empty when nothing is held."""
        if not self.event or self.is_sent:
            return b""
        self.is_sent = True
        if not self.is_ahead and self._is_said:
            return self.event
        finished = chat_chunks.finished(self.data, self.reason, self.usage, self.is_ahead)
        return with_data(self.event, finished)


def without_end(event: bytes, data: bytes) -> bytes:
    """A chunk that finishes, as one that does not; empty when it adds nothing to the answer."""
    rest = chat_chunks.unfinished(data)
    return b"" if rest is None else with_data(event, rest)
