"""The bytes of a request's head.

Requests have few sets of header names, so the text around the values is made once for each. What an
inference request has in common with others (headers.Standing) is written once, and kept there.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.adapters.upstream_pool.destination import Destination
from gateway.domain.headers import AttemptHeaders, Standing

OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "expect"})
"""What frames a message is said here, by what is really sent."""
ADDED = (("accept", "*/*"), ("accept-encoding", "identity"))
"""Said for whoever asks for nothing. identity: compressed events would arrive in bursts."""
WITHOUT_BODY = frozenset({"GET", "HEAD"})
MOST_KEPT = 256


@dataclass(frozen=True, slots=True)
class _Shape:
    """What the heads with the same names have in common."""

    text: str
    """With a place for each value."""
    lines: int
    left_out: frozenset[str]
    has_type: bool


class RequestHeads:
    """Encodes heads; keeps no value of any."""

    def __init__(self) -> None:
        self._shapes: dict[tuple[str, ...], _Shape] = {}

    def encode(
        self, method: str, destination: Destination, headers: Mapping[str, str], length: int | None
    ) -> bytes:
        """The head, up to its empty line. length: of the body; None where there is none.

        Raises ValueError for anything that would be more than one line, or is no text.
        """
        if isinstance(headers, AttemptHeaders):
            own = "".join([f"{name}: {value}\r\n" for name, value in headers.own.items()])
            _check(own, len(headers.own))
            has_type = "Content-Type" in headers.standing
            tail = f"{own}{_framing(method, has_type, length)}\r\n"
            return self._standing(method, destination, headers.standing) + tail.encode()
        start, has_type = self._start(method, destination, headers)
        return f"{start}{_framing(method, has_type, length)}\r\n".encode()

    def _standing(self, method: str, destination: Destination, standing: Standing) -> bytes:
        """A token goes to one host, and a shape of request to one path."""
        where = (method, destination)
        if standing.head is None or standing.head[0] != where:
            start, _ = self._start(method, destination, standing)
            standing.head = where, start.encode()
        return standing.head[1]

    def _start(
        self, method: str, destination: Destination, headers: Mapping[str, str]
    ) -> tuple[str, bool]:
        """All but what frames the body, and whether the body's type is among it."""
        names = tuple(headers)
        shape = self._shapes.get(names) or self._learn(names)
        if shape.left_out:
            values = [value for name, value in headers.items() if name not in shape.left_out]
        else:
            values = list(headers.values())
        text = shape.text % tuple(values)
        _check(text, shape.lines)
        if not method.isalpha():
            raise ValueError("no method")
        return f"{method} {destination.line_end}{text}", shape.has_type

    def _learn(self, names: tuple[str, ...]) -> _Shape:
        lower = {name.lower() for name in names}
        left_out = frozenset(name for name in names if name.lower() in OURS)
        lines = [name.replace("%", "%%") + ": %s\r\n" for name in names if name not in left_out]
        lines += [f"{name}: {value}\r\n" for name, value in ADDED if name not in lower]
        shape = _Shape("".join(lines), len(lines), left_out, "content-type" in lower)
        if len(self._shapes) >= MOST_KEPT:
            self._shapes.clear()
        self._shapes[names] = shape
        return shape


def _check(text: str, lines: int) -> None:
    if not text.count("\r") == text.count("\n") == lines or "\0" in text:
        raise ValueError("a header of more than one line")


def _framing(method: str, has_type: bool, length: int | None) -> str:
    if length is None:
        return "" if method in WITHOUT_BODY else "Content-Length: 0\r\n"
    kind = "" if has_type or not length else "Content-Type: application/octet-stream\r\n"
    return f"{kind}Content-Length: {length}\r\n"
