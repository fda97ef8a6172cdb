"""gateway.yaml: what is accepted, and what is refused by name."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.settings.document import Settings
from gateway.settings.groups import Failover
from runtime.configuration import load
from tests.servers.process import ROOT
from tests.unit.gateway.settings.documents import CI_BOT, SHA, TEAM, api_key, problems, read


def test_a_minimal_file_gets_the_defaults_of_the_design(tmp_path: Path) -> None:
    settings = read(tmp_path)
    listen, limits, drain = settings.listen, settings.limits, settings.drain
    assert (listen.host, listen.port, listen.ops_port) == ("127.0.0.1", 8080, 9102)
    assert listen.connection_max_age_seconds == 3600
    assert settings.token_service.target == "127.0.0.1:50051"
    assert (limits.body_bytes, limits.first_byte_seconds, limits.idle_seconds) == (2**25, 120, 180)
    assert (limits.heartbeat_seconds, limits.total_seconds) == (15, 3600)
    assert (drain.grace_seconds, drain.stream_seconds) == (10, 540)
    assert settings.slots.lease_seconds == 15
    assert not settings.store.is_shared
    (group,), (key,) = settings.groups, settings.keys
    assert (group.failover.max_switches, group.failover.on_quota) == (5, "stop")
    assert (key.max_concurrency, key.max_waiting) == (None, 20)


def test_the_sample_is_valid_and_its_numbers_are_the_defaults() -> None:
    """A copied sample behaves as if those lines were not there."""
    sample = load(Settings, ROOT / "gateway.sample.yaml")
    defaults = Settings.model_construct(groups=())
    for name in ("listen", "token_service", "store", "egress", "limits", "slots", "drain", "log"):
        assert getattr(sample, name) == getattr(defaults, name)
    assert sample.groups[0].failover == Failover()


def test_the_sample_shows_the_other_platform_as_it_would_be_accepted(tmp_path: Path) -> None:
    """The lines that are commented out belong to the sample too."""
    text = (ROOT / "gateway.sample.yaml").read_text()
    lines = text.partition("  # - id: others\n")[2].partition("\n\n")[0]
    shown = yaml.safe_load("- id: others\n" + lines.replace("  # ", ""))
    shown[0]["accounts"][0]["api_key_file"] = api_key(tmp_path)
    assert read(tmp_path, groups=[TEAM, *shown]).groups[1].accounts[0].id == "azure-1"


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ({"listen": {"tls": {"cert_file": "/a", "key_file": "/b"}}}, "listen.tls"),
    ],
)
def test_what_this_version_cannot_do_is_refused_by_name(
    tmp_path: Path, content: dict[str, Any], where: str
) -> None:
    (problem,) = problems(tmp_path, **content)
    assert problem.startswith(where)
    assert "not available in this version; " in problem


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ({"limits": {"idle_seconds": 0}}, "limits.idle_seconds"),
        ({"limits": {"total_seconds": float("inf")}}, "limits.total_seconds"),
        ({"limits": {"first_byte_seconds": float("nan")}}, "limits.first_byte_seconds"),
        ({"limits": {"body_bytes": 1}}, "limits.body_bytes"),
        ({"slots": {"lease_seconds": -1}}, "slots.lease_seconds"),
        ({"drain": {"stream_seconds": 4000}}, "drain.stream_seconds"),
        ({"drain": {"grace_seconds": -1}}, "drain.grace_seconds"),
        ({"listen": {"connection_max_age_seconds": 0}}, "listen.connection_max_age_seconds"),
    ],
)
def test_durations_and_sizes_are_bounded(
    tmp_path: Path, content: dict[str, Any], where: str
) -> None:
    (problem,) = problems(tmp_path, **content)
    assert problem.startswith(f"{where}: ")


@pytest.mark.parametrize(
    ("group", "where"),
    [
        ({"id": "a b"}, "groups[0].id"),
        ({"accounts": []}, "groups[0].accounts"),
        ({"accounts": [{"id": ""}]}, "groups[0].accounts[0].id"),
        ({"accounts": [{"id": "a", "weight": 0}]}, "groups[0].accounts[0].weight"),
        ({"accounts": [{"id": "a", "max_concurrency": 0}]}, "groups[0].accounts[0].max_conc"),
        ({"models": {"allow": [""]}}, "groups[0].models.allow[0]"),
        ({"models": {"aliases": {"x-*": ""}}}, "groups[0].models.aliases.x-*"),
        ({"failover": {"max_switches": 21}}, "groups[0].failover.max_switches"),
        ({"failover": {"on_quota": "ask"}}, "groups[0].failover.on_quota"),
        ({"platform": "gemini"}, "groups[0].platform"),
        ({"fallback": "x"}, "groups[0].fallback: no such setting; did you mean 'fallback_group'"),
    ],
)
def test_a_groups_values_are_judged(tmp_path: Path, group: dict[str, Any], where: str) -> None:
    (problem,) = problems(tmp_path, groups=[{**TEAM, **group}], keys=[])
    assert problem.startswith(where)


@pytest.mark.parametrize(
    ("key", "where"),
    [
        ({"sha256": "cgw_a-whole-key-by-mistake"}, "keys[0].sha256"),
        ({"expires_at": "2027-01-01T00:00:00"}, "keys[0].expires_at: needs a time zone"),
        ({"max_concurrency": 0}, "keys[0].max_concurrency"),
        ({"max_waiting": 10_001}, "keys[0].max_waiting"),
        ({"max_waiting": -1}, "keys[0].max_waiting"),
    ],
)
def test_a_keys_values_are_judged_and_never_quoted(
    tmp_path: Path, key: dict[str, Any], where: str
) -> None:
    (problem,) = problems(tmp_path, keys=[{**CI_BOT, **key}])
    assert problem.startswith(where)
    assert SHA not in problem
    assert "mistake" not in problem


def test_a_problem_is_said_in_its_own_words(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, keys=[{**CI_BOT, "sha256": "x"}])
    assert problem == "keys[0].sha256: string should match pattern '^[0-9a-f]{64}$'"


def test_groups_are_required(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text("keys: []")
    assert problems(tmp_path, groups=[], keys=[]) == ["groups: needs at least one group"]


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    """A mistake in one value hides nothing about the others, nor about how they fit together."""
    found = problems(
        tmp_path,
        listen={"port": 99999, "hots": "x"},
        store={"url": "x"},
        groups=[{**TEAM, "accounts": [{"id": "a", "weight": 0}, {"id": "a"}]}],
        keys=[{**CI_BOT, "max_waiting": -1}, {**CI_BOT, "id": "other", "group": "nowhere"}],
    )
    assert [problem.partition(":")[0] for problem in found] == [
        "listen.port",
        "listen.hots",
        "store.url",
        "groups[0].accounts[0].weight",
        "keys[0].max_waiting",
        "groups[0].accounts[1].id",
        "keys[1].sha256",
        "keys[1].group",
    ]


def test_no_digest_is_shown(tmp_path: Path) -> None:
    assert SHA not in repr(read(tmp_path))


def test_the_environment_overrides_scalars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY__EGRESS__PROXY_URL", "http://proxy.example:3128")
    monkeypatch.setenv("GATEWAY__SLOTS__LEASE_SECONDS", "20")
    settings = read(tmp_path)
    assert settings.egress.proxy_url == "http://proxy.example:3128"
    assert settings.slots.lease_seconds == 20


def test_the_environment_takes_part_in_what_fits_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY__EGRESS__PROXY_URL", "http://proxy.example")
    found = problems(tmp_path, keys=[{**CI_BOT, "group": "nowhere"}])
    assert [problem.partition(":")[0] for problem in found] == ["egress.proxy_url", "keys[0].group"]


def test_thousands_of_keys_are_read(tmp_path: Path) -> None:
    keys = [{"id": f"k{n}", "sha256": f"{n:064x}", "group": "team"} for n in range(1000)]
    assert len(read(tmp_path, keys=keys).keys) == 1000


def test_traces_go_to_an_endpoint(tmp_path: Path) -> None:
    section = {"otlp_endpoint": "http://collector", "protocol": "grpc", "sample_ratio": 0.1}
    found = read(tmp_path, tracing=section).tracing
    assert found.model_dump() == section


@pytest.mark.parametrize(
    ("section", "where"),
    [
        ({"otlp_endpoint": "http://jo:secret@collector"}, "tracing.otlp_endpoint"),
        ({"otlp_endpoint": "http://c/secret", "protocol": "grpc"}, "tracing.otlp_endpoint"),
        ({"protocol": "secret"}, "tracing.protocol"),
        ({"sample_ratio": -0.1}, "tracing.sample_ratio"),
    ],
)
def test_what_is_no_endpoint_is_refused(
    tmp_path: Path, section: dict[str, Any], where: str
) -> None:
    (problem,) = problems(tmp_path, tracing=section)
    assert problem.startswith(where)
    assert "secret" not in problem
