"""What the sections of gateway.yaml have to do with each other."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings import across
from tests.unit.gateway.settings.documents import (
    CI_BOT,
    OTHER_SHA,
    SHA,
    TEAM,
    api_key,
    openai,
    problems,
    read,
)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"groups": [TEAM, TEAM]}, "groups[1].id: another group has this id already"),
        (
            {"groups": [{**TEAM, "accounts": [{"id": "a"}, {"id": "a"}]}]},
            "groups[0].accounts[1].id: the group has this account already",
        ),
        (
            {"keys": [CI_BOT, {**CI_BOT, "sha256": OTHER_SHA}]},
            "keys[1].id: another key has this id already",
        ),
        (
            {"keys": [CI_BOT, {**CI_BOT, "id": "b"}]},
            "keys[1].sha256: another key has the same one",
        ),
        ({"keys": [{**CI_BOT, "group": "x"}]}, "keys[0].group: there is no such group"),
        (
            {"keys": [{**CI_BOT, "account": "seat-2"}]},
            "keys[0].account: the key's group has no such account",
        ),
    ],
)
def test_names_are_unique_and_lead_somewhere(
    tmp_path: Path, content: dict[str, Any], problem: str
) -> None:
    assert problems(tmp_path, **content) == [problem]
    assert SHA not in problem


def test_a_key_may_be_bound_to_an_account_of_its_group(tmp_path: Path) -> None:
    assert read(tmp_path, keys=[{**CI_BOT, "account": "seat-1"}]).keys[0].account == "seat-1"


@pytest.mark.parametrize("name", ["base_url", "api_key_file"])
def test_an_account_of_another_platform_brings_its_address_and_key(
    tmp_path: Path, name: str
) -> None:
    assert read(tmp_path, groups=[TEAM, openai(tmp_path)]).groups[1].platform == "openai"
    assert problems(tmp_path, groups=[TEAM, openai(tmp_path, **{name: None})]) == [
        f"groups[1].accounts[0].{name}: required for the platform openai"
    ]


def test_a_copilot_account_has_neither(tmp_path: Path) -> None:
    """Its token and the host that may get it are token_service's."""
    group = {**openai(tmp_path), "platform": "copilot"}
    found = problems(tmp_path, groups=[TEAM, group])
    assert [problem.partition(": only for")[0] for problem in found] == [
        "groups[1].accounts[0].base_url",
        "groups[1].accounts[0].api_key_file",
    ]


@pytest.mark.parametrize(
    ("url", "is_fine"),
    [
        ("https://azure.example/v1", True),
        ("http://127.0.0.1:8000/v1", True),
        ("http://localhost:8000/v1", True),
        ("http://[::1]:8000/v1", True),
        ("http://llm.internal:8000/v1", True),
        ("http://LLM.internal.:8000/v1", True),
        ("http://10.0.0.7:8000/v1", True),
        ("http://azure.example/v1", False),
        ("HTTP://azure.example/v1", False),
        ("http://10.0.0.8:8000/v1", False),
    ],
)
def test_an_api_key_crosses_a_network_in_plaintext_only_where_that_is_said(
    tmp_path: Path, url: str, is_fine: bool
) -> None:
    content = {
        "groups": [TEAM, openai(tmp_path, base_url=url)],
        "egress": {"private_hosts": ["llm.internal", "10.0.0.7"]},
    }
    if is_fine:
        assert read(tmp_path, **content).groups[1].accounts[0].base_url == url
        return
    (problem,) = problems(tmp_path, **content)
    assert problem.startswith("groups[1].accounts[0].base_url: must be https: ")


@pytest.mark.parametrize(
    "url",
    [
        "https://user:secret@azure.example/v1",
        "https://azure.example/v1?api-version=secret",
        "ftp://azure.example",
        "http://[broken",
        "azure.example/v1",
    ],
)
def test_a_base_url_is_plain_and_never_quoted(tmp_path: Path, url: str) -> None:
    (problem,) = problems(tmp_path, groups=[TEAM, openai(tmp_path, base_url=url)])
    assert problem.startswith("groups[1].accounts[0].base_url: must be ")
    assert "secret" not in problem


def test_an_api_keys_file_is_read_when_the_file_is_judged(tmp_path: Path) -> None:
    missing = openai(tmp_path, api_key_file=str(tmp_path / "gone"))
    (problem,) = problems(tmp_path, groups=[TEAM, missing])
    assert problem.endswith("gone: no such file")
    two_words = openai(tmp_path, api_key_file=api_key(tmp_path, "words", "secret words"))
    (problem,) = problems(tmp_path, groups=[TEAM, two_words])
    assert "one secret on one line" in problem
    assert "secret words" not in problem


def seat(**fields: Any) -> dict[str, Any]:
    return {"id": "seat-1", **fields}


def test_an_account_may_serve_several_groups(tmp_path: Path) -> None:
    groups = [
        {**TEAM, "accounts": [seat(max_concurrency=8, weight=4)]},
        {"id": "b", "accounts": [seat(max_concurrency=8, priority=1)]},
    ]
    assert len(read(tmp_path, groups=groups).groups) == 2


def test_but_is_the_same_in_all_of_them(tmp_path: Path) -> None:
    """Its places and its cool-downs are counted under its id, over all groups."""
    groups = [
        {**TEAM, "accounts": [seat(max_concurrency=8)]},
        {"id": "b", "accounts": [seat(max_concurrency=9)]},
        {"id": "c", "accounts": [seat()]},
    ]
    assert problems(tmp_path, groups=groups) == [
        "groups[1].accounts[0].max_concurrency: differs from the same account's in group 'team'",
        "groups[2].accounts[0].max_concurrency: differs from the same account's in group 'team'",
    ]


def test_an_id_belongs_to_one_platform(tmp_path: Path) -> None:
    assert problems(tmp_path, groups=[TEAM, openai(tmp_path, id="seat-1")]) == [
        "groups[1].accounts[0].id: group 'team' has it as an account of another platform"
    ]


@pytest.mark.parametrize(
    ("fallbacks", "found"),
    [
        ({"a": "b"}, []),
        ({"a": "b", "c": "b"}, []),
        ({"a": "a"}, ["groups[0].fallback_group: must be another group"]),
        ({"a": "x"}, ["groups[0].fallback_group: there is no such group"]),
        (
            {"a": "b", "b": "c"},
            [
                "groups[0].fallback_group: has a fallback_group itself; only one step is taken",
            ],
        ),
        (
            {"a": "b", "b": "a"},
            [
                "groups[0].fallback_group: has a fallback_group itself; only one step is taken",
                "groups[1].fallback_group: has a fallback_group itself; only one step is taken",
            ],
        ),
    ],
)
def test_fallbacks_lead_one_step(
    tmp_path: Path, fallbacks: dict[str, str], found: list[str]
) -> None:
    groups = [
        {"id": name, "accounts": [{"id": name}], "fallback_group": fallbacks.get(name)}
        for name in "abc"
    ]
    if found:
        assert problems(tmp_path, groups=groups, keys=[]) == found
    else:
        assert read(tmp_path, groups=groups, keys=[]).groups[0].fallback_group == "b"


shapes = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just("http://[x"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "platform", "accounts", "base_url", "group", "account", "fallback_group"]
            ),
            inner,
        )
    ),
    max_leaves=20,
)


@given(st.fixed_dictionaries({"groups": shapes, "keys": shapes, "egress": shapes}))
def test_whatever_is_written_there_no_rule_breaks_down(document: dict[str, Any]) -> None:
    """Values are judged on their own; here they may be anything."""
    assert all(problem.text for problem in across.problems(document))


@pytest.mark.parametrize(
    ("store", "database", "lacking"),
    [
        ("memory://", "sqlite:///usage.db", ["store.url", "usage.database_url"]),
        ("valkey://127.0.0.1:6379", "sqlite:///usage.db", ["usage.database_url"]),
        ("memory://", "postgresql://u@h/d", ["store.url"]),
        ("valkey://127.0.0.1:6379", "postgresql://u@h/d", []),
    ],
)
def test_several_workers_need_what_they_can_share(
    tmp_path: Path, store: str, database: str, lacking: list[str]
) -> None:
    content = {"store": {"url": store}, "usage": {"database_url": database}}
    if not lacking:
        assert read(tmp_path, listen={"workers": 4}, **content).listen.workers == 4
        return
    found = problems(tmp_path, listen={"workers": 4}, **content)
    assert [problem.partition(": ")[0] for problem in found] == ["listen.workers"] * len(lacking)
    assert all(setting in text for setting, text in zip(lacking, found, strict=True))
