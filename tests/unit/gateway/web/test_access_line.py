"""What the access log says of a request."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.domain.errors import Fault
from gateway.domain.initiator import BY_DEFAULT
from gateway.ports.exchange import Exchange, Tried
from gateway.web import access_line
from runtime import logs


@pytest.fixture(autouse=True)
def _root_logger_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def ready() -> io.StringIO:
    """As in the service: nobody else reads the lines."""
    stream = io.StringIO()
    logs.setup("info", "json", stream)
    return stream


def lines(output: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_a_request_that_came_to_nothing_is_said_with_what_it_has_not() -> None:
    output = ready()
    exchange = Exchange("r-1", "unrouted", 0.0, status=404, fault="caller_route")
    access_line.write(exchange, 0.00004)
    (line,) = lines(output)
    assert line.pop("time").endswith("Z")
    assert list(line.items()) == [
        ("level", "info"),
        ("logger", "gateway.access"),
        ("message", "request"),
        ("request_id", "r-1"),
        ("route", "unrouted"),
        ("status", 404),
        ("error", "caller_route"),
        ("key", None),
        ("group", None),
        ("account", None),
        ("served_by", None),
        ("tried", None),
        ("model", None),
        ("stream", False),
        ("stream_end", None),
        ("initiator", None),
        ("initiator_rule", None),
        ("answer_bytes", 0),
        ("seconds", 0.0),
    ]


def test_a_request_that_was_served_is_said_with_everything() -> None:
    output = ready()
    exchange = Exchange(
        "r-1",
        "/v1/messages",
        0.0,
        key="bot",
        group="team",
        account="seat-3",
        served_by="fallback",
        model="m" * 150,
        stream=True,
        stream_end="complete",
        verdict=BY_DEFAULT,
        answer_bytes=600,
        status=200,
    )
    exchange.note(Tried("seat-1", Fault.SEAT_QUOTA))
    exchange.note(Tried("seat-2", Fault.UPSTREAM_IDLE))
    access_line.write(exchange, 1.23456)
    (line,) = lines(output)
    assert [line[name] for name in list(line)[4:]] == [
        *("r-1", "/v1/messages", 200, None, "bot", "team", "seat-3", "fallback"),
        *("seat-1: seat_quota; seat-2: upstream_idle", "m" * 100, True, "complete"),
        *(BY_DEFAULT.initiator.value, BY_DEFAULT.rule.value, 600, 1.2346),
    ]


def test_a_guess_has_no_line() -> None:
    output = ready()
    access_line.write(Exchange("r-1", "r", 0.0, fault="policy_guessing"), 0.1)
    assert lines(output) == []


def test_below_the_level_there_is_none() -> None:
    output = ready()
    logging.getLogger().setLevel("WARNING")
    access_line.write(Exchange("r-1", "r", 0.0), 0.1)
    access_line.write_defect(Exchange("r-1", "r", 0.0), ValueError("a secret prompt"))
    (line,) = lines(output)
    assert (line["message"], line["level"], line["kind"]) == (
        "unexpected error",
        "error",
        "ValueError",
    )
    assert "secret" not in output.getvalue()
