"""What is to be done when: one time per key, found in order without looking at all of them."""

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Agenda(Generic[K]):
    """Keys with the monotonic time each is due at.

    A changed time leaves its old entry in the heap, to be skipped when it comes up; when there
    are too many of those the heap is built anew, so that its size follows that of the keys.
    """

    def __init__(self) -> None:
        self._when: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._entries = 0

    def put(self, key: K, when: float) -> None:
        """The key is due at `when`, and at no other time any more."""
        if self._when.get(key) == when:
            return
        self._when[key] = when
        self._push(key, when)
        if len(self._heap) > 2 * len(self._when) + 64:
            self._heap = []
            for each, due in self._when.items():
                self._push(each, due)

    def drop(self, key: K) -> None:
        """The key is not due at all."""
        self._when.pop(key, None)

    def __contains__(self, key: object) -> bool:
        return key in self._when

    def __len__(self) -> int:
        return len(self._heap)

    def next(self) -> float | None:
        """The time of the first key that is due; None when there is none."""
        while self._heap:
            when, _, key = self._heap[0]
            if self._when.get(key) == when:
                return when
            heapq.heappop(self._heap)
        return None

    def take(self, now: float) -> K | None:
        """Remove the first key that is due by `now`; None when there is none."""
        when = self.next()
        if when is None or when > now:
            return None
        _, _, key = heapq.heappop(self._heap)
        del self._when[key]
        return key

    def _push(self, key: K, when: float) -> None:
        # The number keeps keys from being compared.
        self._entries += 1
        heapq.heappush(self._heap, (when, self._entries, key))
