"""Events that are read by others than their followers: one by one, or skipped.

What is no JSON object is skipped (copilot-upstream.md §6.1). What only strict parsers refuse is
made into what they take. Knows no protocol.
"""

from collections.abc import Callable
from typing import TypeVar

from gateway.domain import lenient_json
from gateway.domain.bad_answers import not_understood
from gateway.domain.lenient_json import UNREADABLE
from gateway.domain.streams.surrogates import Joining

T = TypeVar("T")


class Taking:
    """The events of one stream, taken in their order by whoever knows their protocol."""

    __slots__ = ("_has_skipped", "_has_taken", "_joining")

    def __init__(self) -> None:
        self._joining = Joining()
        self._has_taken = False
        self._has_skipped = False

    def one(self, data: bytes, take: Callable[[bytes], T]) -> T | None:
        """What taking these data comes to; None where they are skipped.

        take: raises what UNREADABLE names where it cannot read the data, and has then changed
        nothing. Raises GatewayError (UPSTREAM_BAD_ANSWER) for an object of another form.
        """
        try:
            if not self._joining.half:
                taken = take(data)
                self._has_taken = True
                return taken
        except RecursionError:
            raise not_understood() from None
        except UNREADABLE:
            pass
        return self._unusual(data, take)

    def check(self) -> None:
        """Raise GatewayError (UPSTREAM_BAD_ANSWER) if there were events, and none was taken."""
        if self._has_skipped and not self._has_taken:
            raise not_understood()

    def _unusual(self, data: bytes, take: Callable[[bytes], T]) -> T | None:
        plain = lenient_json.strict(self._joining.joined(data))
        if plain is None or not plain.startswith(b"{"):
            self._has_skipped = True
            return None
        try:
            taken = take(plain)
        except UNREADABLE:
            raise not_understood() from None
        self._has_taken = True
        return taken
