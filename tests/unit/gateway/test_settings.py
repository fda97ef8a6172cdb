"""gateway.yaml: what is accepted, what is refused by name, what is warned about."""

from pathlib import Path

import pytest

from gateway.bootstrap import groups_of, keys_of
from gateway.review import summary, warnings
from gateway.settings import Settings
from runtime.configuration import ConfigurationError, load
from tests.servers.certificates import Authority
from tests.servers.mounted import mount
from tests.servers.process import ROOT

CA = Authority()
PAIR = CA.issue("gateway")
SHA = "ab" * 32
MINIMAL = f"""
groups:
  - {{id: team, accounts: [{{id: seat-1}}]}}
keys:
  - {{id: ci-bot, sha256: "{SHA}", group: team}}
"""


def read(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "gateway.yaml"
    path.write_text(text)
    return load(Settings, path)


def problems(tmp_path: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, text)
    return caught.value.problems


def test_a_minimal_file_gets_the_defaults_of_the_design(tmp_path: Path) -> None:
    settings = read(tmp_path, MINIMAL)
    listen, limits, drain = settings.listen, settings.limits, settings.drain
    assert (listen.host, listen.port, listen.ops_port) == ("127.0.0.1", 8080, 9102)
    assert settings.token_service.target == "127.0.0.1:50051"
    assert (limits.body_bytes, limits.first_byte_seconds, limits.idle_seconds) == (2**25, 120, 180)
    assert (drain.grace_seconds, drain.stream_seconds) == (10, 540)
    assert list(warnings(settings)) == []


def test_the_sample_is_valid() -> None:
    settings = load(Settings, ROOT / "gateway.sample.yaml")
    assert list(warnings(settings)) == []
    assert any("engineering" in line for line in summary(settings))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("listen: {workers: 4}", "listen.workers"),
        ("listen: {tls: {cert_file: /a, key_file: /b}}", "listen.tls"),
        ("store: {url: 'valkey://localhost'}", "store.url"),
        ("initiator: {scan_history: true}", "initiator.scan_history"),
        ("tracing: {otlp_endpoint: 'http://localhost'}", "tracing.otlp_endpoint"),
    ],
)
def test_what_this_version_cannot_do_is_refused_by_name(
    tmp_path: Path, text: str, where: str
) -> None:
    (problem,) = problems(tmp_path, MINIMAL + text)
    assert problem.startswith(where)
    assert "not available in this version; " in problem


def test_the_way_to_the_broker_can_be_secured(tmp_path: Path) -> None:
    files = mount(tmp_path / "tls", ca=CA.ca, cert=PAIR.cert, key=PAIR.key, token=b"word")
    tls = ", ".join(f"{name}_file: {files[name]}" for name in ("ca", "cert", "key"))
    section = f"token_service: {{tls: {{{tls}}}, token_file: {files['token']}}}"
    settings = read(tmp_path, MINIMAL + section)
    assert settings.token_service.tls.wanted
    assert any("TLS with a client certificate and a bearer" in line for line in summary(settings))


@pytest.mark.parametrize(
    ("section", "where", "words"),
    [
        ("tls: {ca_file: DIR/gone}", "token_service.tls.ca_file", "cannot be read"),
        ("tls: {ca_file: DIR/key}", "token_service.tls.ca_file", "no certificates"),
        ("tls: {cert_file: DIR/cert}", "token_service.tls", "both or neither"),
        ("tls: {cert_file: DIR/cert, key_file: DIR/other}", "token_service.tls", "belong together"),
        ("tls: {cert_file: DIR/gone, key_file: DIR/key}", "token_service.tls", "belong together"),
        ("token_file: DIR/gone", "token_service.token_file", "no such file"),
    ],
)
def test_files_that_cannot_secure_it_are_named(
    tmp_path: Path, section: str, where: str, words: str
) -> None:
    directory = tmp_path / "tls"
    mount(directory, cert=PAIR.cert, key=PAIR.key, other=CA.issue("other").key)
    text = f"token_service: {{{section.replace('DIR', str(directory))}}}"
    (problem,) = problems(tmp_path, MINIMAL + text)
    assert problem.startswith(f"{where}: ")
    assert words in problem
    assert "PRIVATE" not in problem


@pytest.mark.parametrize(
    ("target", "warned"),
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
    tmp_path: Path, target: str, warned: bool
) -> None:
    (tmp_path / "token").write_text("word")
    text = f"token_service: {{target: '{target}', token_file: {tmp_path / 'token'}}}"
    found = [line for line in warnings(read(tmp_path, MINIMAL + text)) if "plaintext" in line]
    assert len(found) == warned


def test_the_other_platform_is_refused_by_name(tmp_path: Path) -> None:
    text = "groups: [{id: g, platform: openai, accounts: [{id: a}]}]"
    (problem,) = problems(tmp_path, text)
    assert problem.startswith("groups[0].platform: not available")


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("groups: []", "groups", "at least one group"),
        ("groups: [{id: g, accounts: []}]", "groups[0].accounts", "needs an account"),
        (
            "groups: [{id: g, accounts: [{id: a}]}, {id: g, accounts: [{id: a}]}]",
            "groups",
            "more than once: g",
        ),
        ("groups: [{id: g, accounts: [{id: a}, {id: a}]}]", "groups[0].accounts", "once: a"),
        ("groups: [{id: 'a b', accounts: [{id: a}]}]", "groups[0].id", "pattern"),
        ("{}", "groups", "required"),
    ],
)
def test_bad_groups_are_named(tmp_path: Path, text: str, where: str, words: str) -> None:
    assert any(p.startswith(f"{where}: ") and words in p for p in problems(tmp_path, text))


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (f"[{{id: k, sha256: '{SHA}', group: nowhere}}]", "group 'nowhere', which is not there"),
        (f"[{{id: k, sha256: '{SHA}', group: g, account: b}}]", "account 'b', which its group"),
        (
            f"[{{id: k, sha256: '{SHA}', group: g}}, {{id: l, sha256: '{SHA}', group: g}}]",
            "same sha256",
        ),
        ("[{id: k, sha256: 'cgw_a-whole-key-by-mistake', group: g}]", "pattern"),
        (f"[{{id: k, sha256: '{SHA}', group: g, expires_at: '2027-01-01T00:00:00'}}]", "time zone"),
    ],
)
def test_bad_keys_are_named_and_never_quoted(tmp_path: Path, keys: str, words: str) -> None:
    found = problems(tmp_path, f"groups: [{{id: g, accounts: [{{id: a}}]}}]\nkeys: {keys}")
    assert any(words in problem for problem in found)
    assert not any(SHA in problem or "mistake" in problem for problem in found)


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    text = "listen: {port: 99999, hots: x}\ngroups: [{id: g, accounts: []}]\nstore: {url: 'x'}\n"
    assert len(problems(tmp_path, text)) == 4


def test_a_limit_that_does_not_limit_is_said(tmp_path: Path) -> None:
    text = f"""
groups:
  - id: g
    accounts: [{{id: a, max_concurrency: 8}}, {{id: b}}]
    models: {{aliases: {{"x-*": y}}}}
    fallback_group: h
    budget: {{credits: 5}}
keys:
  - id: k
    sha256: "{SHA}"
    group: g
    max_concurrency: 4
    rate: {{requests_per_minute: 5}}
    budget: {{credits: 500}}
usage: {{retention_days: 30}}
slots: {{lease_seconds: 20}}
"""
    assert [line.partition(":")[0] for line in warnings(read(tmp_path, text))] == [
        "groups[g].fallback_group",
        "groups[g].budget",
        "groups[g].models.aliases",
        "groups[g].accounts beyond the first by priority",
        "groups[g].accounts[a].max_concurrency",
        "keys[k].max_concurrency",
        "keys[k].budget",
        "keys[k].rate",
        "usage",
        "slots",
    ]


def test_a_gateway_without_keys_or_on_an_open_address_is_warned_about(tmp_path: Path) -> None:
    text = "groups: [{id: g, accounts: [{id: a}]}]\nlisten: {host: 0.0.0.0}"
    assert [line.partition(":")[0] for line in warnings(read(tmp_path, text))] == ["keys", "listen"]


def test_a_group_uses_its_first_account_by_priority(tmp_path: Path) -> None:
    accounts = "[{id: b, priority: 2}, {id: a, priority: 1}, {id: c, priority: 1}]"
    text = f"groups: [{{id: g, accounts: {accounts}}}]"
    assert groups_of(read(tmp_path, text))["g"].account == "a"


def test_a_keys_expiry_is_a_moment_in_time(tmp_path: Path) -> None:
    text = MINIMAL.replace("group: team}", "group: team, expires_at: 1970-01-01T01:00:00+00:00}")
    assert keys_of(read(tmp_path, text))[SHA].expires_at == 3600
