"""Whole answers, before they are bytes."""

from collections.abc import Mapping

import msgspec

JSON: Mapping[str, str] = {"Content-Type": "application/json"}


class Response:
    """A whole answer. closes: whether its connection is to end with it."""

    __slots__ = ("body", "closes", "headers", "status")

    def __init__(
        self, status: int, headers: dict[str, str], body: bytes, closes: bool = False
    ) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.closes = closes

    def __repr__(self) -> str:
        return f"Response({self.status}, {len(self.body)} bytes)"


def json_response(document: object, more: Mapping[str, str] | None = None) -> Response:
    """A success, as JSON."""
    headers = {**JSON, **more} if more else dict(JSON)
    return Response(200, headers, msgspec.json.encode(document))
