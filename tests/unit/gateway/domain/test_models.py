"""The catalogue as callers see it."""

import pytest

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.models import Model, find, parse


def test_duplicates_and_entries_not_understood_are_left_out() -> None:
    body = (
        b'{"object":"list","data":[{"id":"gpt-4o","vendor":"Azure OpenAI"},{"id":"gpt-4o"},'
        b'{"name":"no id"},7,{"id":""},{"id":"claude-sonnet-4.6"}]}'
    )
    assert parse(body) == (Model("gpt-4o", "Azure OpenAI"), Model("claude-sonnet-4.6", ""))


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"data":null}', b'{"models":[]}'])
def test_what_is_no_list_is_upstreams_fault(body: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        parse(body)
    assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER


def test_an_unknown_model_is_the_callers_mistake() -> None:
    with pytest.raises(GatewayError) as caught:
        find((Model("a", ""),), "b")
    assert caught.value.fault is Fault.CALLER_MODEL_NOT_FOUND
