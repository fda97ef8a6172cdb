"""Heads of answers: each header is one line, whatever stands in its name or its value."""

import pytest

from gateway.web.http1.outgoing import head

DATE = "Date: Thu, 26 Nov 2026 00:00:00 GMT\r\n"
LENGTH = "Content-Length: 3\r\n"


def test_a_head_has_each_header_in_its_order() -> None:
    headers = {"Content-Type": "text/plain", "x-a": "50%s", "x-%d": "%", "x-b": "ä\udcff"}
    assert head(200, headers, DATE, LENGTH, closes=True) == (
        b"HTTP/1.1 200 OK\r\nDate: Thu, 26 Nov 2026 00:00:00 GMT\r\nContent-Type: text/plain\r\n"
        b"x-a: 50%s\r\nx-%d: %\r\nx-b: \xc3\xa4\xff\r\nContent-Length: 3\r\n"
        b"Connection: close\r\n\r\n"
    )


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
@pytest.mark.parametrize("headers", [{"x-a": "b%cx-c: d"}, {"x-a: b%cx-c": "d"}])
def test_no_header_becomes_two(headers: dict[str, str], end: str) -> None:
    broken = {name.replace("%c", end): value.replace("%c", end) for name, value in headers.items()}
    for _ in range(2):
        with pytest.raises(ValueError, match="more than one line"):
            head(200, broken, DATE, LENGTH, closes=False)
