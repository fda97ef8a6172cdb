"""What a key's group decides."""

import json
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import groups
from gateway.domain.api_keys import ApiKey
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.groups import Group, GroupAccount
from gateway.domain.models import Model

GROUPS = {
    "g": Group("g", "copilot", (GroupAccount("seat-1"),), allow=("gpt-4*", "o3")),
    "other": Group("other", "openai", (GroupAccount("azure-1", platform="openai"),)),
}
ALIASES = (("claude-*-4-6-*", "claude-sonnet-4.6"), ("claude-*", "gpt-4o"), ("gpt-4o", "o3"))


def key(group: str = "g", account: str | None = None) -> ApiKey:
    return ApiKey("k", group, account, None, False)


@pytest.mark.parametrize(
    ("group", "required", "refused"),
    [
        ("g", "copilot", False),
        ("g", None, False),
        ("other", None, False),
        ("other", "copilot", True),
    ],
)
def test_a_path_may_be_for_one_platform_only(
    group: str, required: str | None, refused: bool
) -> None:
    if not refused:
        groups.check_platform(GROUPS[group], required)
        return
    with pytest.raises(GatewayError) as caught:
        groups.check_platform(GROUPS[group], required)
    assert caught.value.fault is Fault.POLICY_PLATFORM


@pytest.mark.parametrize(
    ("model", "allowed"),
    [
        ("gpt-4o", True),
        ("o3", True),
        ("o3-mini", False),
        ("GPT-4o", False),
        ("xgpt-4o", False),
        ("o3\n", False),
        ("", False),
    ],
)
def test_a_model_outside_the_patterns_is_as_if_it_did_not_exist(model: str, allowed: bool) -> None:
    assert groups.allowed(GROUPS["g"], [Model(model, "")]) == ((Model(model, ""),) * allowed)
    if not allowed:
        with pytest.raises(GatewayError) as caught:
            groups.check_model(GROUPS["g"], model)
        assert caught.value.fault is Fault.CALLER_MODEL_NOT_FOUND


@pytest.mark.parametrize("model", ["", "x", "*"])
def test_no_pattern_allows_no_model(model: str) -> None:
    assert not replace(GROUPS["g"], allow=()).allows(model)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("claude-sonnet-4-6-20260101", "claude-sonnet-4.6"),
        ("claude-haiku", "gpt-4o"),
        ("gpt-4o", "o3"),
        ("o3", "o3"),
        ("Claude-haiku", "Claude-haiku"),
    ],
)
def test_the_first_alias_that_fits_counts_and_once_only(said: str, meant: str) -> None:
    """What an alias leads to is no alias again, or two of them could go round in circles."""
    assert replace(GROUPS["g"], aliases=ALIASES).resolve(said) == meant


def test_what_an_alias_means_has_to_be_allowed() -> None:
    aliased = replace(GROUPS["g"], aliases=(("fast", "gpt-4o"), ("gpt-4.1", "claude-opus")))
    groups.check_model(aliased, "fast")
    with pytest.raises(GatewayError):
        groups.check_model(aliased, "gpt-4.1")


def test_patterns_take_no_part_in_what_a_group_is() -> None:
    assert replace(GROUPS["g"]) == GROUPS["g"]
    assert "compile" not in repr(GROUPS["g"])


def test_an_accounts_own_key_is_not_shown() -> None:
    assert "secret" not in repr(GroupAccount("a", platform="openai", api_key="secret"))


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.dictionaries(st.text(), values), st.text(), st.text(min_size=1))
def test_only_the_model_of_a_request_is_renamed(
    request: dict[str, object], said: str, meant: str
) -> None:
    body = json.dumps({"model": said, **request}).encode()
    renamed = json.loads(groups.rename_model(body, meant))
    assert renamed == {**json.loads(body), "model": meant}


def test_values_keep_their_bytes_when_the_model_is_renamed() -> None:
    """A number that no float holds, and how a text is escaped, are the caller's."""
    body = b'{"seed": 12345678901234567890123, "model": "a", "x": {"t": "\\u00e9",  "n": 1.0}}'
    renamed = groups.rename_model(body, "b")
    assert (
        renamed == b'{"seed":12345678901234567890123,"model":"b","x":{"t": "\\u00e9",  "n": 1.0}}'
    )


def test_a_model_given_twice_is_given_once_afterwards() -> None:
    """Upstream may read the first one and we the last: then neither would be what was allowed."""
    renamed = groups.rename_model(b'{"model":"x","a":1,"model":"y"}', "z")
    assert renamed.count(b'"model"') == 1
    assert msgspec.json.decode(renamed) == {"a": 1, "model": "z"}
