"""What is said of settings that are valid."""

from pathlib import Path
from typing import Any

import pytest

from gateway.review import summary, warnings
from gateway.settings.document import Settings
from runtime.configuration import load
from tests.servers.certificates import Authority
from tests.servers.mounted import mount
from tests.servers.process import ROOT
from tests.unit.gateway.settings.documents import CI_BOT, TEAM, api_key, openai, read

CA = Authority()
PAIR = CA.issue("gateway")
SHADOW = {"requests": 1, "shadow": True}


def warned(directory: Path, **content: Any) -> list[str]:
    """The settings that are warned about."""
    return [line.partition(": ")[0] for line in warnings(read(directory, **content))]


def test_nothing_is_said_about_a_small_document_and_the_sample(tmp_path: Path) -> None:
    assert warned(tmp_path) == []
    assert list(warnings(load(Settings, ROOT / "gateway.sample.yaml"))) == []


def test_a_rate_is_kept_to_and_not_warned_about(tmp_path: Path) -> None:
    key = {**CI_BOT, "rate": {"requests_per_minute": 5}}
    assert warned(tmp_path, keys=[key]) == []


def test_what_is_enforced_is_not_warned_about(tmp_path: Path) -> None:
    group = {
        **TEAM,
        "accounts": [{"id": "seat-1", "max_concurrency": 8, "weight": 2}, {"id": "b"}],
        "models": {"aliases": {"x-*": "y"}},
        "failover": {"max_switches": 1, "on_quota": "move"},
        "fallback_group": "others",
        "budget": {"period": "day", "tokens": 5, "shadow": True},
    }
    budget = {"credits": 500, "when_unknown": "refuse"}
    key = {**CI_BOT, "max_concurrency": 4, "max_waiting": 2, "budget": budget}
    content: dict[str, Any] = {
        "groups": [group, openai(tmp_path)],
        "keys": [key],
        "slots": {"lease_seconds": 20},
        "limits": {"heartbeat_seconds": 5},
        "listen": {"connection_max_age_seconds": 60},
        "store": {"url": "valkey://localhost"},
        "usage": {"retention_days": 30},
    }
    assert warned(tmp_path, **content) == []


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ({"keys": []}, "keys"),
        ({"listen": {"host": "0.0.0.0"}}, "listen"),  # noqa: S104  nothing listens here
        ({"keys": [{**CI_BOT, "max_waiting": 5}]}, "keys[ci-bot].max_waiting"),
        (
            {"groups": [{**TEAM, "failover": {"on_quota": "move"}}]},
            "groups[team].failover.on_quota",
        ),
        ({"groups": [{**TEAM, "budget": {"period": "day"}}]}, "groups[team].budget"),
        ({"keys": [{**CI_BOT, "budget": {"shadow": True}}]}, "keys[ci-bot].budget"),
        (
            {"keys": [{**CI_BOT, "budget": {**SHADOW, "when_unknown": "refuse"}}]},
            "keys[ci-bot].budget.when_unknown",
        ),
    ],
)
def test_what_may_surprise_is_said(tmp_path: Path, content: dict[str, Any], where: str) -> None:
    assert warned(tmp_path, **content) == [where]


@pytest.mark.parametrize(
    ("url", "is_warned"),
    [
        ("valkey://store.example", True),
        ("REDIS://store.example", True),
        ("valkey://localhost", False),
        ("valkeys://store.example", False),
        ("rediss://store.example", False),
    ],
)
def test_a_password_in_plaintext_over_a_network_is_warned_about(
    tmp_path: Path, url: str, is_warned: bool
) -> None:
    store = {"url": url, "password_file": api_key(tmp_path, "password", "secret")}
    assert warned(tmp_path, store=store) == ["store"] * is_warned
    assert warned(tmp_path, store={"url": url}) == []


def test_authorities_without_tls_are_warned_about(tmp_path: Path) -> None:
    ca = str(mount(tmp_path / "tls", ca=CA.ca)["ca"])
    assert warned(tmp_path, store={"ca_file": ca}) == ["store.ca_file"]
    assert warned(tmp_path, store={"ca_file": ca, "url": "valkey://localhost"}) == ["store.ca_file"]
    assert warned(tmp_path, store={"ca_file": ca, "url": "valkeys://localhost"}) == []


@pytest.mark.parametrize(
    ("target", "is_warned"),
    [
        ("127.0.0.1:50051", False),
        ("localhost:50051", False),
        ("[::1]:50051", False),
        ("unix:/run/broker.sock", False),
        ("dns:///localhost:50051", False),
        ("ipv4:127.0.0.1:50051,127.0.0.1:50052", False),
        ("ipv4:127.0.0.1:50051,10.0.0.7:50051", True),
        ("dns:///token-service:50051", True),
        ("token-service:50051", True),
    ],
)
def test_tokens_in_plaintext_over_a_network_are_warned_about(
    tmp_path: Path, target: str, is_warned: bool
) -> None:
    section = {"target": target, "token_file": api_key(tmp_path, "token", "word")}
    assert warned(tmp_path, token_service=section) == ["token_service"] * is_warned


def test_the_summary_says_what_would_run_and_no_secret(tmp_path: Path) -> None:
    files = mount(tmp_path / "tls", ca=CA.ca, cert=PAIR.cert, key=PAIR.key, token=b"secret")
    tls = {f"{name}_file": str(files[name]) for name in ("ca", "cert", "key")}
    password = api_key(tmp_path, "password", "secret")
    settings = read(
        tmp_path,
        groups=[{**TEAM, "fallback_group": "others"}, openai(tmp_path)],
        token_service={"tls": tls, "token_file": str(files["token"])},
        store={"url": "valkeys://store", "namespace": "blue", "password_file": password},
        egress={"proxy_url": "http://proxy:3128"},
        auth={
            "jwt": {
                "issuer": "https://sso.example",
                "audience": "gateway",
                "jwks_url": "https://sso.example/jwks",
                "default_group": "team",
            }
        },
    )
    text = "\n".join(summary(settings))
    assert "TLS with a client certificate and a bearer token" in text
    assert "valkeys://store, namespace blue, with a password" in text
    assert "tokens of:     https://sso.example, for gateway" in text
    assert "way out:       http://proxy:3128" in text
    assert "group team: platform copilot, accounts seat-1, then group others, 1 key(s)" in text
    assert "accounts azure-1 at https://azure.example/v1, 0 key(s)" in text
    assert "secret" not in text + repr(settings)
