"""The catalogue as callers see it, and what it says of models."""

import json
from typing import Any

import pytest

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.models import Model, find, parse
from gateway.domain.protocols import Protocol
from gateway.domain.usage.prices import Prices, Tier

CHAT, RESPONSES, MESSAGES = Protocol.CHAT, Protocol.RESPONSES, Protocol.MESSAGES


def listing(*entries: Any) -> bytes:
    return json.dumps({"object": "list", "data": list(entries)}).encode()


def entry(model_id: str, **fields: Any) -> dict[str, Any]:
    return {"id": model_id, **fields}


def test_duplicates_and_entries_not_understood_are_left_out() -> None:
    body = listing(
        entry("gpt-4o", vendor="Azure OpenAI"),
        entry("gpt-4o"),
        {"name": "no id"},
        7,
        entry(""),
        entry("claude-sonnet-4.6", name="Claude Sonnet 4.6"),
    )
    found = parse(body)
    assert [model.id for model in found] == ["gpt-4o", "claude-sonnet-4.6"]
    assert (found[0].vendor, found[1].name) == ("Azure OpenAI", "Claude Sonnet 4.6")


@pytest.mark.parametrize(
    ("said", "owner", "created"),
    [
        ({"owned_by": "acme", "created": 1_686_935_002}, "acme", 1_686_935_002),
        ({}, "", 0),
        ({"owned_by": None, "created": None}, "", 0),
        ({"owned_by": 7, "created": "2024"}, "", 0),
        ({"created": True}, "", 0),
        ({"created": -1}, "", 0),
        ({"created": 10**18}, "", 0),
        ({"created": 1.5}, "", 0),
    ],
)
def test_owner_and_time_are_passed_on_where_they_are_understood(
    said: dict[str, Any], owner: str, created: int
) -> None:
    (model,) = parse(listing(entry("m", **said)), names_endpoints=False)
    assert (model.owner, model.created) == (owner, created)


@pytest.mark.parametrize(
    "hidden",
    [
        entry("accounts/msft/routers/x"),
        entry("trajectory-compaction"),
        entry("gpt-old", policy={"state": "disabled"}),
        entry("gpt-35-instruct", capabilities={"type": "completion"}),
    ],
)
def test_what_callers_cannot_use_is_not_shown(hidden: dict[str, Any]) -> None:
    assert [model.id for model in parse(listing(hidden, entry("gpt-4o")))] == ["gpt-4o"]


@pytest.mark.parametrize(
    ("fields", "endpoints"),
    [
        ({}, {CHAT}),
        ({"supported_endpoints": []}, {CHAT}),
        ({"supported_endpoints": ["/chat/completions", "/v1/messages"]}, {CHAT, MESSAGES}),
        ({"supported_endpoints": ["/responses", "ws:/responses"]}, {RESPONSES}),
        ({"supported_endpoints": ["/something/new"]}, {CHAT}),
        ({"capabilities": {"type": "embeddings"}}, {Protocol.EMBEDDINGS}),
    ],
)
def test_a_model_is_served_by_the_endpoints_it_names(
    fields: dict[str, Any], endpoints: set[Protocol]
) -> None:
    (model,) = parse(listing(entry("m", **fields)))
    assert model.endpoints == frozenset(endpoints)


@pytest.mark.parametrize(
    ("said", "vision"),
    [
        ({"supports": {"vision": True}}, True),
        ({"supports": {"vision": False}}, False),
        ({"supports": {"streaming": True}}, False),
        ({"supports": {}, "limits": {"vision": {"max_prompt_images": 1}}}, True),
        ({}, None),
    ],
)
def test_a_model_says_whether_it_sees(said: dict[str, Any], vision: bool | None) -> None:
    (model,) = parse(listing(entry("m", capabilities={"type": "chat", **said})))
    assert model.has_vision is vision


@pytest.mark.parametrize(
    ("said", "effort"),
    [
        ({"supports": {"reasoning_effort": ["low", "high"]}}, True),
        ({"supports": {"streaming": True}}, False),
        ({}, None),
    ],
)
def test_a_model_says_whether_it_can_be_told_how_much_to_think(
    said: dict[str, Any], effort: bool | None
) -> None:
    (model,) = parse(listing(entry("m", capabilities={"type": "chat", **said})))
    assert model.takes_effort is effort


PRICES = {"batch_size": 1_000_000, "default": {"input_price": 300, "output_price": 1500}}


def test_a_model_says_what_it_costs() -> None:
    billing = {"is_premium": True, "multiplier": 0.33, "token_prices": PRICES}
    (model,) = parse(listing(entry("m", billing=billing)))
    credit = 10**9
    tier = Tier(300 * credit, 1500 * credit, 300 * credit, 300 * credit)
    assert (model.prices, model.premium_multiplier) == (Prices(tier), 0.33)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"billing": None},
        {"billing": "dear"},
        {"billing": {"multiplier": "one", "token_prices": {**PRICES, "batch_size": 0}}},
    ],
)
def test_a_model_whose_prices_are_not_understood_is_one_all_the_same(
    fields: dict[str, Any],
) -> None:
    found = parse(listing(entry("m", **fields), entry("n")))
    assert [(model.id, model.prices, model.premium_multiplier) for model in found] == [
        ("m", None, None),
        ("n", None, None),
    ]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"data":null}', b'{"models":[]}'])
def test_what_is_no_list_is_upstreams_fault(body: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        parse(body)
    assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER


def test_an_unknown_model_is_the_callers_mistake() -> None:
    with pytest.raises(GatewayError) as caught:
        find((Model("a"),), "b")
    assert caught.value.fault is Fault.CALLER_MODEL_NOT_FOUND
