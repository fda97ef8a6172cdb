"""Events as log lines."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from runtime.logs import JsonFormatter
from tests.fakes.service_events import FakeServiceEvents
from tests.fakes.token_source import grant
from tests.fakes.token_store import token_of
from token_service.adapters.event_log import LoggedEvents
from token_service.domain.errors import GitHubUnavailable, NoCopilotAccess
from token_service.domain.failures import Failure
from token_service.domain.quotas import Miss, Outcome
from token_service.domain.tokens import AccountChanges, AccountId

SEAT = AccountId("seat-1")
TOKEN = token_of(SEAT, grant(value="tid=secret"), 5, 0.0, 1500.0)


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    made = io.StringIO()
    handler = logging.StreamHandler(made)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("token_service")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel("INFO")
    yield made
    logger.removeHandler(handler)
    logger.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_new_token_is_one_line_without_the_token(stream: io.StringIO) -> None:
    listener = FakeServiceEvents()
    LoggedEvents(listener).exchanged(TOKEN, 0.25)

    (line,) = lines(stream)
    assert (line["message"], line["account"], line["generation"]) == ("token obtained", "seat-1", 5)
    assert "secret" not in stream.getvalue()
    assert listener.tokens == [TOKEN]


@pytest.mark.parametrize(
    ("error", "level"),
    [
        (GitHubUnavailable("down", detail="ConnectError"), "warning"),
        (NoCopilotAccess("no seat", metadata={"notification_id": "spammy_user"}), "error"),
    ],
)
def test_a_failure_is_as_loud_as_it_is_lasting(
    stream: io.StringIO, error: GitHubUnavailable | NoCopilotAccess, level: str
) -> None:
    LoggedEvents(FakeServiceEvents()).failed(SEAT, Failure(error, 3, 0.0), 0.1, living=True)

    (line,) = lines(stream)
    assert (line["level"], line["reason"], line["attempts"]) == (level, error.reason.value, 3)
    assert line["detail"] == (error.detail or None)
    assert line["notification_id"] == error.metadata.get("notification_id")


def test_a_bug_is_logged_by_type_and_place_only(stream: io.StringIO) -> None:
    """The text of an unexpected exception may hold a value."""
    try:
        raise KeyError("tid=secret")
    except KeyError as error:
        LoggedEvents(FakeServiceEvents()).attempt_crashed(SEAT, error)
        LoggedEvents(FakeServiceEvents()).call_crashed("GetCopilotToken", error)

    assert "secret" not in stream.getvalue()
    assert [line["error"] for line in lines(stream)] == ["KeyError", "KeyError"]
    assert "test_event_log" in lines(stream)[0]["places"]


def test_problems_of_a_reading_are_said_once_while_they_stay_the_same(stream: io.StringIO) -> None:
    """A refused configuration is tried again twice a minute."""
    listener = FakeServiceEvents()
    events = LoggedEvents(listener)
    for problems in (["one", "two"], ["one", "two"], ["one"]):
        events.reload_refused(problems)
    events.reloaded(AccountChanges(), [])
    events.reload_refused(["one"])

    said = [line["problem"] for line in lines(stream) if "problem" in line]
    assert said == ["one", "two", "one", "one"]
    assert len(listener.problems) == 4


def test_a_reading_names_some_of_the_accounts_that_changed(stream: io.StringIO) -> None:
    names = tuple(AccountId(f"seat-{number}") for number in range(1000))
    LoggedEvents(FakeServiceEvents()).reloaded(AccountChanges(added=names, removed=(SEAT,)), names)

    (line,) = lines(stream)
    assert line["added"].startswith("seat-0, seat-1, ")
    assert line["added"].endswith("seat-19 and 980 more")
    assert (line["removed"], line["changed"], line["accounts"]) == ("seat-1", None, 1000)


def test_settings_that_wait_for_a_restart_are_a_warning(stream: io.StringIO) -> None:
    LoggedEvents(FakeServiceEvents()).restart_needed(["listen.grpc", "log.level"])

    (line,) = lines(stream)
    assert (line["level"], line["settings"]) == ("warning", "listen.grpc, log.level")


@pytest.mark.parametrize(
    ("outcome", "level"), [(Outcome.REFUSED, "warning"), (Outcome.UNAVAILABLE, "info")]
)
def test_quotas_that_were_not_read_are_as_loud_as_somebody_has_to_look(
    stream: io.StringIO, outcome: Outcome, level: str
) -> None:
    listener = FakeServiceEvents()
    LoggedEvents(listener).quotas_polled(SEAT, Miss(outcome, 90.0))

    (line,) = lines(stream)
    assert (line["level"], line["account"], line["outcome"]) == (level, "seat-1", outcome.value)
    assert listener.polls == [(SEAT, Miss(outcome, 90.0))]


def test_a_bug_while_reading_quotas_is_logged_by_type(stream: io.StringIO) -> None:
    listener = FakeServiceEvents()
    LoggedEvents(listener).quota_poll_crashed(SEAT, KeyError("secret"))

    (line,) = lines(stream)
    assert (line["level"], line["error"]) == ("error", "KeyError")
    assert "secret" not in stream.getvalue()
