"""A call's arguments as they come, and whether they are over.

They are asked while something waits behind them, which may be at each piece. So each piece is read
once, and the whole of them is decoded once, where their last brace closes the first.
"""

import re
from dataclasses import dataclass, field

import msgspec

from gateway.domain import lenient_json

_ESCAPE = re.compile(r"\\.", re.DOTALL)


@dataclass(slots=True)
class Arguments:
    """JSON of an object, in pieces."""

    _pieces: list[str] = field(default_factory=list, repr=False)
    _read: int = 0
    """How many of the pieces the fields below tell of."""
    _depth: int = 0
    _is_in_string: bool = False
    _is_whole: bool | None = None
    """None as long as the last brace is open. What was no JSON then becomes none by growing."""

    def add(self, piece: str) -> None:
        """More of them."""
        self._pieces.append(piece)

    @property
    def are_over(self) -> bool:
        """Whether they are a whole object."""
        # Nearly every piece fails the first test, which costs nothing.
        if not self._pieces or not self._pieces[-1].rstrip().endswith("}"):
            return False
        self._read_on()
        if self._is_whole is None and self._depth == 0:
            self._is_whole = _is_json("".join(self._pieces))
        return bool(self._is_whole)

    def _read_on(self) -> None:
        # It ends with a brace, and so not within an escape.
        text = _ESCAPE.sub("", "".join(self._pieces[self._read :]))
        self._read = len(self._pieces)
        # No quote is escaped any more: what lies between two of them is in a string or is not.
        parts = text.split('"')
        outside = parts[self._is_in_string :: 2]
        self._is_in_string ^= len(parts) % 2 == 0
        self._depth += sum(part.count("{") - part.count("}") for part in outside)


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except RecursionError:
        return False
    except (msgspec.DecodeError, UnicodeEncodeError):
        # Half of a surrogate pair is good enough for those who read the arguments.
        return lenient_json.strict(text.encode(errors="surrogatepass")) is not None
    return True
