"""One reading of gateway.yaml: the domain's values it comes to, and the files it was made of."""

from pathlib import Path
from typing import Any

import pytest

from gateway.domain.api_keys import ApiKey, Rate
from gateway.domain.breaker import WITNESSES
from gateway.domain.budgets.budget import Budget
from gateway.domain.budgets.period import Period
from gateway.domain.failover import Policy
from gateway.domain.groups import Group, GroupAccount
from gateway.settings.snapshot import Snapshot, files_of, read_snapshot, snapshot_of
from runtime.configuration import ConfigurationError
from tests.unit.gateway.settings.documents import (
    CI_BOT,
    OTHER_SHA,
    SHA,
    TEAM,
    api_key,
    openai,
    read,
    write,
)


def snapshot(directory: Path, **content: Any) -> Snapshot:
    return snapshot_of(read(directory, **content))


def test_a_key_becomes_a_value_by_its_digest(tmp_path: Path) -> None:
    limited = {
        "account": "seat-1",
        "expires_at": "1970-01-01T01:00:00+00:00",
        "max_concurrency": 4,
        "max_waiting": 7,
        "may_mark_agent": True,
    }
    other = {**CI_BOT, "id": "other", "sha256": OTHER_SHA}
    found = snapshot(tmp_path, keys=[{**CI_BOT, **limited}, other]).keys
    assert found[SHA] == ApiKey("ci-bot", "team", "seat-1", 3600, True, 4, 7, SHA)
    assert found[OTHER_SHA] == ApiKey("other", "team", None, None, False, None, 20, OTHER_SHA)


def test_a_group_becomes_a_value_by_its_id(tmp_path: Path) -> None:
    group = {
        **TEAM,
        "accounts": [{"id": "a", "priority": 2, "weight": 3, "max_concurrency": 8}, {"id": "b"}],
        "models": {"aliases": {"z-*": "one", "a-*": "two"}, "allow": ["one", "t*"]},
        "failover": {"max_switches": 2, "on_quota": "move"},
        "fallback_group": "spare",
    }
    spare = {"id": "spare", "accounts": [{"id": "c"}]}
    found = snapshot(tmp_path, groups=[group, spare]).groups
    assert found["team"] == Group(
        "team",
        "copilot",
        (GroupAccount("a", 2, 3, 8), GroupAccount("b")),
        allow=("one", "t*"),
        aliases=(("z-*", "one"), ("a-*", "two")),
        failover=Policy(2, "move"),
        fallback="spare",
        keys=1,
    )
    assert (found["spare"].fallback, found["spare"].keys) == (None, 0)


def test_a_budget_becomes_a_value_of_the_key_and_of_the_group(tmp_path: Path) -> None:
    mine = {"period": "day", "requests": 5, "shadow": True}
    ours = {"tokens": 7, "credits": 500, "when_unknown": "refuse"}
    found = snapshot(tmp_path, keys=[{**CI_BOT, "budget": mine}], groups=[{**TEAM, "budget": ours}])
    assert found.keys[SHA].budget == Budget(Period.DAY, requests=5, is_shadow=True)
    assert found.groups["team"].budget == Budget(
        Period.MONTH, tokens=7, nano_aiu=500 * 10**9, refuses_unknown=True
    )


@pytest.mark.parametrize(
    ("credits", "nano_aiu"),
    [
        (0.1, 100_000_000),
        (0.3, 300_000_000),
        (1_234_567.123456789, 1_234_567_123_456_789),
        (4.35, 4_350_000_000),
        (1e-12, 1),
        (1e300, 10**309),
    ],
)
def test_credits_are_what_was_written_to_the_last_unit(
    tmp_path: Path, credits: float, nano_aiu: int
) -> None:
    found = snapshot(tmp_path, keys=[{**CI_BOT, "budget": {"credits": credits}}])
    assert found.keys[SHA].budget == Budget(Period.MONTH, nano_aiu=nano_aiu)


@pytest.mark.parametrize("budget", [None, {"period": "day"}])
def test_a_budget_that_limits_nothing_is_none(tmp_path: Path, budget: Any) -> None:
    found = snapshot(tmp_path, keys=[{**CI_BOT, "budget": budget}])
    assert found.keys[SHA].budget is None


@pytest.mark.parametrize(
    ("rate", "found"),
    [
        ({"requests_per_minute": 5}, Rate(5, None)),
        ({"requests_per_minute": 5, "tokens_per_minute": 900}, Rate(5, 900)),
        ({"tokens_per_minute": None}, None),
        ({}, None),
    ],
)
def test_a_rate_becomes_a_value_of_the_key_or_none(
    tmp_path: Path, rate: Any, found: Rate | None
) -> None:
    assert snapshot(tmp_path, keys=[{**CI_BOT, "rate": rate}]).keys[SHA].rate == found


def test_a_small_document_comes_to_the_domains_usual_policy(tmp_path: Path) -> None:
    assert snapshot(tmp_path).groups["team"] == Group(
        "team", "copilot", (GroupAccount("seat-1"),), keys=1
    )


def test_an_api_key_is_read_and_never_shown(tmp_path: Path) -> None:
    found = snapshot(tmp_path, groups=[TEAM, openai(tmp_path, max_concurrency=2)])
    account = found.accounts["azure-1"]
    assert account.api_key == "secret-of-azure"
    assert (account.platform, account.base_url) == ("openai", "https://azure.example/v1")
    assert account.max_concurrency == 2
    assert found.accounts["seat-1"].api_key is None
    assert "secret" not in repr(found)
    assert SHA not in repr(found)


def test_an_account_of_several_groups_is_one(tmp_path: Path) -> None:
    groups = [
        {**TEAM, "accounts": [{"id": "a", "weight": 4}]},
        {"id": "b", "accounts": [{"id": "a", "weight": 1}]},
    ]
    found = snapshot(tmp_path, groups=groups)
    assert [(each.id, each.weight) for each in found.accounts.values()] == [("a", 4)]
    assert [found.groups[name].accounts[0].weight for name in ("team", "b")] == [4, 1]


def test_a_file_that_goes_while_it_is_read_is_a_problem(tmp_path: Path) -> None:
    settings = read(tmp_path, groups=[TEAM, openai(tmp_path)])
    (tmp_path / "api-key").unlink()
    with pytest.raises(ConfigurationError) as caught:
        snapshot_of(settings)
    (problem,) = caught.value.problems
    assert problem.startswith("groups[1].accounts[0].api_key_file: ")
    assert problem.endswith("no such file")


def test_the_files_it_was_made_of_are_named_once(tmp_path: Path) -> None:
    shared = {**openai(tmp_path), "id": "again"}
    found = snapshot(tmp_path, groups=[TEAM, openai(tmp_path), shared])
    assert list(files_of(found)) == [tmp_path / "api-key"]
    assert list(files_of(snapshot(tmp_path))) == []


def test_hosts_that_somebody_wrote_down_may_be_private(tmp_path: Path) -> None:
    found = snapshot(
        tmp_path,
        groups=[TEAM, openai(tmp_path, base_url="https://LLM.example:8443/v1")],
        egress={"private_hosts": ["vault.internal"], "proxy_url": "http://proxy.internal:3128"},
    )
    assert found.private_hosts == {"vault.internal", "proxy.internal", "llm.example"}


def test_the_proxy_in_use_stays_known_until_the_restart(tmp_path: Path) -> None:
    """The other names are taken over: the log says of a refused one that it is to be added."""
    first = read(tmp_path, egress={"proxy_url": "http://old.internal:3128"})
    changed = {"proxy_url": "http://new.internal:3128", "private_hosts": ["added.internal"]}
    now = read_snapshot(write(tmp_path, egress=changed), first)
    assert now.private_hosts == {"old.internal", "added.internal"}


def test_a_bad_document_names_every_problem(tmp_path: Path) -> None:
    settings = read(tmp_path)
    file = write(tmp_path, groups=[openai(tmp_path, api_key_file=api_key(tmp_path, "b", "a b"))])
    with pytest.raises(ConfigurationError) as caught:
        read_snapshot(file, settings)
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "groups[0].accounts[0].api_key_file",
        "keys[0].group",
    ]


def test_a_group_open_to_holders_of_tokens_has_callers_enough(tmp_path: Path) -> None:
    """One of them alone must not set an account aside for all."""
    jwt = {
        "issuer": "https://sso.example",
        "audience": "copilot-gateway",
        "jwks_url": "https://sso.example/jwks/",
        "rules": [{"claim": "dept", "matches": "*", "group": "team"}],
    }
    spare = {"id": "spare", "accounts": [{"id": "c"}]}
    found = snapshot(tmp_path, groups=[TEAM, spare], auth={"jwt": jwt}).groups
    assert found["team"].keys == 1 + WITNESSES
    assert found["spare"].keys == 0
