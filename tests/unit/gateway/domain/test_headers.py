"""Headers cross in closed lists, both ways; platforms' own are in platforms/test_platforms.py."""

from collections.abc import Mapping

import pytest
from multidict import CIMultiDict

from gateway.domain.headers import (
    Outgoing,
    attempt,
    is_request_id,
    listed,
    standing,
)
from gateway.domain.initiator import Initiator


def attempt_headers(
    from_caller: Mapping[str, str] | None = None,
    token_headers: Mapping[str, str] | None = None,
    has_body: bool = True,
    stream: bool = False,
) -> dict[str, str]:
    own = {"Editor-Version": "copilot-gateway/1"} if token_headers is None else token_headers
    initiator = Initiator.USER if has_body else None
    outgoing = Outgoing("the-token", own, initiator, stream=stream)
    return dict(attempt(standing(outgoing), dict(from_caller or {}), "id-1"))


def test_an_attempt_says_who_asks_for_what() -> None:
    assert attempt_headers(from_caller={"openai-beta": "x"}) == {
        "openai-beta": "x",
        "Editor-Version": "copilot-gateway/1",
        "Authorization": "Bearer the-token",
        "X-Request-Id": "id-1",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
    }


def test_where_the_token_brings_a_header_the_callers_does_not_count() -> None:
    found = attempt_headers({"openai-intent": "mine"}, {"OpenAI-Intent": "the-token's"})
    assert "openai-intent" not in found
    assert found["OpenAI-Intent"] == "the-token's"


def test_headers_are_a_mapping_and_show_no_value() -> None:
    found = attempt(standing(Outgoing("the-token", {}, Initiator.USER)), {"openai-beta": "x"}, "1")
    assert len(found) == len(list(found)) == 6
    assert found.get("X-Request-Id") == "1"
    assert found.get("nothing") is None
    for each in (found, found.standing, Outgoing("the-token", {}, None)):
        assert "the-token" not in repr(each)


def test_a_stream_is_asked_for_as_one_and_nothing_is_said_of_a_body_that_is_not_there() -> None:
    assert attempt_headers(stream=True)["Accept"] == "text/event-stream"
    assert "Content-Type" not in attempt_headers(has_body=False)


@pytest.mark.parametrize(
    "name",
    [
        "authorization",
        "Authorization",
        "Host",
        "cookie",
        "X-Initiator",
        "Transfer-Encoding",
        "accept",
        "accept-encoding",
        "content-type",
        "x-request-id",
        "copilot-vision-request",
    ],
)
def test_the_broker_cannot_set_what_is_not_its_own(name: str) -> None:
    assert attempt_headers(token_headers={name: "evil"}) == attempt_headers(token_headers={})


def test_of_a_callers_headers_only_the_named_and_short_ones_cross() -> None:
    caller = CIMultiDict({"A": "1", "B": "x" * 256, "C": "x" * 257, "D": "", "Cookie": "s=1"})
    assert listed(caller, ("a", "b", "c", "d", "e")) == {"a": "1", "b": "x" * 256}


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("a", True),
        ("A-z.0_9", True),
        ("a" * 128, True),
        ("a" * 129, False),
        ("", False),
        ("a b", False),
        ("a\n", False),
        ("é", False),
    ],
)
def test_a_callers_request_id_is_kept_when_it_is_plain(text: str, fine: bool) -> None:
    assert is_request_id(text) is fine
