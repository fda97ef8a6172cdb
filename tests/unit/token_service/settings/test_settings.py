"""The configuration: what is accepted, and what is said about the rest."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.configuration import ConfigurationError, load
from tests.fakes.app_key import app_key, unfit_key
from token_service.settings.document import CheckedSettings, Settings

SAMPLE = Path(__file__).resolve().parents[4] / "token-service.sample.yaml"
SEAT = {"id": "seat-1", "github_token": "ghu_test"}


def loaded(tmp_path: Path, content: dict[str, Any], checked: bool = False) -> Settings:
    file = tmp_path / "token-service.yaml"
    file.write_text(yaml.safe_dump({"accounts": [SEAT], **content}))
    return load(CheckedSettings if checked else Settings, file)


def problems(tmp_path: Path, content: dict[str, Any], checked: bool = False) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        loaded(tmp_path, content, checked)
    return list(raised.value.problems)


def account_problems(tmp_path: Path, **account: Any) -> list[str]:
    return problems(tmp_path, {"accounts": [{"id": "a", **account}]})


def test_the_sample_is_valid_and_on_loopback() -> None:
    settings = load(CheckedSettings, SAMPLE)

    assert settings.listen.grpc == "127.0.0.1:50051"
    assert settings.listen.ops == "127.0.0.1:9101"


def test_the_sample_names_every_setting_with_its_default() -> None:
    """What is not in the sample nobody finds."""
    content = yaml.safe_load(SAMPLE.read_text())
    accounts = content.pop("accounts")
    defaults = load(Settings, SAMPLE).model_construct(accounts=()).model_dump(mode="json")
    defaults.pop("accounts")

    assert content == defaults
    assert set(accounts[0]) >= {"id", "strategy", "github_host", "base_url", "allowed_hosts"}


def test_one_account_is_a_configuration(tmp_path: Path) -> None:
    settings = loaded(tmp_path, {})

    assert settings.accounts[0].strategy == "auto"
    assert settings.github.api_url == "https://api.github.com"
    assert settings.freshness.renew_before_seconds == 300


@pytest.mark.parametrize("minutes", [0, 1, 1440])
def test_quotas_are_asked_for_every_so_many_minutes_or_never(tmp_path: Path, minutes: int) -> None:
    assert loaded(tmp_path, {"quotas": {"poll_minutes": minutes}}).quotas.poll_minutes == minutes


@pytest.mark.parametrize("minutes", [-1, 0.5, 1441])
def test_quotas_are_not_asked_for_more_often_than_once_a_minute(
    tmp_path: Path, minutes: float
) -> None:
    (problem,) = problems(tmp_path, {"quotas": {"poll_minutes": minutes}})
    assert problem.startswith("quotas.poll_minutes: ")


def test_traces_go_to_an_endpoint(tmp_path: Path) -> None:
    section = {"otlp_endpoint": "http://collector:4317", "sample_ratio": 0.1}
    found = loaded(tmp_path, {"tracing": section}).tracing
    assert (found.otlp_endpoint, found.sample_ratio) == ("http://collector:4317", 0.1)
    assert loaded(tmp_path, {}).tracing.otlp_endpoint is None


@pytest.mark.parametrize(
    ("section", "path"),
    [
        ({"otlp_endpoint": "collector:4317"}, "tracing.otlp_endpoint"),
        ({"otlp_endpoint": "http://jo:secret@collector"}, "tracing.otlp_endpoint"),
        ({"sample_ratio": 1.1}, "tracing.sample_ratio"),
    ],
)
def test_what_is_no_endpoint_is_refused(tmp_path: Path, section: dict[str, Any], path: str) -> None:
    (problem,) = problems(tmp_path, {"tracing": section})
    assert problem.startswith(f"{path}: ")
    assert "secret" not in problem


def test_the_ops_port_may_listen_anywhere(tmp_path: Path) -> None:
    assert loaded(tmp_path, {"listen": {"ops": "0.0.0.0:9101"}}).listen.ops == "0.0.0.0:9101"


@pytest.mark.parametrize(
    ("github", "text"),
    [
        ({"api_url": "http://api.github.com"}, "must be https"),
        ({"api_url": "ftp://127.0.0.1"}, "must be an https URL"),
        ({"api_url": "api.github.com"}, "must be an https URL"),
        ({"web_url": "https://user:pw@github.com"}, "without a user name"),
        ({"web_url": "https://github.com?x=1"}, "without a user name, query"),
        ({"web_url": "https://github.com:port"}, "must be a URL"),
        ({"timeout_seconds": 0}, "greater than 0"),
    ],
)
def test_urls_of_github(tmp_path: Path, github: dict[str, Any], text: str) -> None:
    (problem,) = problems(tmp_path, {"github": github})

    assert text in problem
    assert "pw" not in problem


def test_plain_http_works_on_loopback(tmp_path: Path) -> None:
    settings = loaded(tmp_path, {"github": {"api_url": "http://127.0.0.1:8090/"}})

    assert settings.github.api_url == "http://127.0.0.1:8090"


def test_a_proxy_may_be_plain_http(tmp_path: Path) -> None:
    """TLS runs through it."""
    settings = loaded(tmp_path, {"egress": {"proxy_url": "http://proxy.example:3128"}})

    assert settings.egress.proxy_url == "http://proxy.example:3128"


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_ca_file_holds_certificates(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    (problem,) = problems(tmp_path, {"egress": {"ca_file": str(file)}})

    assert problem.startswith(f"egress.ca_file: {file}: ")


@pytest.mark.parametrize(
    ("account", "text"),
    [
        ({}, "accounts[0].github_token_file: required"),
        ({"github_token_file": "/nonexistent/x"}, "github_token_file: /nonexistent/x: no such"),
        ({"github_token": "ghu_a b"}, "must be one secret"),
        ({"github_token": ""}, "must be one secret"),
        ({"github_token": "ghu_a", "github_host": "evil.example"}, "must be github.com or"),
        ({"github_token": "ghu_a", "base_url": "https://evil.example"}, "'evil.example' is not"),
        ({"github_token": "ghu_a", "base_url": "http://api.githubcopilot.com"}, "is not one"),
        (
            {
                "github_token": "ghu_a",
                "github_host": "acme.ghe.com",
                "base_url": "https://api.githubcopilot.com",
            },
            "is not one",
        ),
        ({"github_token": "ghu_a", "allowed_hosts": ["http://x"]}, "allowed_hosts[0]: must be"),
        ({"github_token": "ghu_a", "strategy": "magic"}, "accounts[0].strategy: "),
        ({"github_token": "ghu_a", "github_tokne": "x"}, "did you mean 'github_token'?"),
    ],
)
def test_accounts(tmp_path: Path, account: dict[str, Any], text: str) -> None:
    (problem,) = account_problems(tmp_path, **account)

    assert text in problem


def test_an_app_needs_no_github_token(tmp_path: Path) -> None:
    content = {"accounts": [{"id": "a", "strategy": "github_app", "github_app": app(tmp_path)}]}
    settings = loaded(tmp_path, content, checked=True)
    assert isinstance(settings, CheckedSettings)

    (account,) = settings.accounts
    assert account.github_app is not None
    assert (account.github_app.app_id, account.github_app.permissions) == ("7", {})
    assert settings.summary()[-1] == (
        f"account a: strategy github_app, App 7 in installation 8, key in {tmp_path / 'app.pem'}"
    )


def app(directory: Path, **fields: Any) -> dict[str, Any]:
    ids = {"app_id": 7, "installation_id": 8}
    return {**ids, "private_key_file": str(app_key().written(directory)), **fields}


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"app_id": "no spaces"}, "github_app.app_id: "),
        ({"app_id": True}, "github_app.app_id: "),
        ({"installation_id": 0}, "github_app.installation_id: "),
        ({"installation_id": "8"}, "github_app.installation_id: "),
        ({"repository_ids": [-1]}, "github_app.repository_ids[0]: "),
        ({"repository_ids": list(range(1, 502))}, "github_app.repository_ids: "),
        ({"permissions": {"copilot_requests": "all"}}, "github_app.permissions.copilot_requests: "),
        ({"private_key_file": "/nonexistent/x"}, "private_key_file: /nonexistent/x: no such file"),
        ({"private_key": "x"}, "github_app.private_key: no such setting"),
    ],
)
def test_an_app_is_judged(tmp_path: Path, fields: dict[str, Any], problem: str) -> None:
    (found,) = account_problems(tmp_path, strategy="github_app", github_app=app(tmp_path, **fields))

    assert problem in found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty"),
        ("secret", "is not in PEM"),
        ("-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END RSA PRIVATE KEY-----", "no private"),
        ("-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END CERTIFICATE-----", "no private key"),
    ],
)
def test_an_apps_key_is_read_before_it_is_needed(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "unfit.pem"
    file.write_text(text)
    content = app(tmp_path, private_key_file=str(file))
    (found,) = account_problems(tmp_path, strategy="github_app", github_app=content)

    assert problem in found
    assert "secret" not in found
    assert "c2VjcmV0" not in found


@pytest.mark.parametrize("kind", ["encrypted", "short", "elliptic"])
def test_an_apps_key_is_one_that_github_makes(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "unfit.pem"
    file.write_bytes(unfit_key(kind))
    content = app(tmp_path, private_key_file=str(file))
    (found,) = account_problems(tmp_path, strategy="github_app", github_app=content)

    assert ("is encrypted" if kind == "encrypted" else "must hold an RSA key") in found


def test_an_app_and_its_strategy_go_together(tmp_path: Path) -> None:
    with_token = {"strategy": "github_app", "github_app": app(tmp_path), "github_token": "ghu_a"}

    assert account_problems(tmp_path, **with_token) == [
        "accounts[0].github_token_file: the strategy github_app takes its App's key and no "
        "GitHub token"
    ]
    assert account_problems(tmp_path, github_token="ghu_a", github_app=app(tmp_path)) == [
        "accounts[0].github_app: only the strategy github_app takes an App; set that strategy"
    ]
    assert account_problems(tmp_path, strategy="github_app") == [
        "accounts[0].github_app: required: the App that the strategy github_app is about"
    ]


def test_a_credential_stands_in_one_place(tmp_path: Path) -> None:
    file = tmp_path / "credential"
    file.write_text("ghu_test\n")
    (problem,) = account_problems(tmp_path, github_token="ghu_a", github_token_file=str(file))

    assert problem == "accounts[0].github_token_file: github_token is set too; give one of the two"


def test_an_empty_credential_file_is_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "credential"
    file.write_text("\n")
    (problem,) = account_problems(tmp_path, github_token_file=str(file))

    assert problem.endswith("is empty")


def test_an_override_may_be_a_listed_host(tmp_path: Path) -> None:
    account = {**SEAT, "base_url": "http://127.0.0.1:8090/", "allowed_hosts": ["127.0.0.1"]}

    assert loaded(tmp_path, {"accounts": [account]}).accounts[0].base_url == "http://127.0.0.1:8090"


def test_ids_are_unique_and_all_problems_come_at_once(tmp_path: Path) -> None:
    accounts = [SEAT, SEAT, {"id": "no spaces", "github_token": "ghu_a"}, {"id": "b"}]
    found = problems(tmp_path, {"accounts": accounts, "store": {"url": "redis:x"}, "lisen": {}})

    assert [problem.partition(":")[0] for problem in found] == [
        "store.url",
        "accounts[2].id",
        "lisen",
        "store.encryption_key_file",
        "accounts[1].id",
        "accounts[3].github_token_file",
    ]


def test_no_account_is_a_problem(tmp_path: Path) -> None:
    assert problems(tmp_path, {"accounts": []}) == ["accounts: at least one account is needed"]


@pytest.mark.parametrize("credential", ["ghp_a", "github_pat_a", "ghs_a"])
def test_check_refuses_what_could_only_fail(tmp_path: Path, credential: str) -> None:
    """The service itself starts: one account must not take the others down."""
    content = {"accounts": [{"id": "a", "github_token": credential}]}

    assert loaded(tmp_path, content).accounts[0].id == "a"
    (problem,) = problems(tmp_path, content, checked=True)
    assert problem.startswith("accounts[0].github_token: ")


def test_check_reports_credentials_together_with_the_rest(tmp_path: Path) -> None:
    content = {
        "accounts": [{"id": "a", "github_token": "ghp_secret1"}, {"id": "b"}],
        "listen": {"grpc": "0.0.0.0:1"},
    }
    found = problems(tmp_path, content, checked=True)

    assert len(found) == 4
    assert "secret" not in "".join(found)


def test_the_summary_shows_no_credential(tmp_path: Path) -> None:
    file = tmp_path / "credential"
    file.write_text("gho_secret\n")
    accounts = [
        {"id": "a", "github_token": "ghu_secret"},
        {"id": "b", "github_token_file": str(file), "strategy": "direct"},
    ]
    settings = loaded(tmp_path, {"accounts": accounts}, checked=True)
    assert isinstance(settings, CheckedSettings)
    text = "\n".join(settings.summary())

    assert "account a: strategy exchange (auto), ghu_ credential in the configuration" in text
    assert f"account b: strategy direct (direct), gho_ credential in {file}" in text
    assert "secret" not in text + repr(settings)


def test_the_environment_overrides_scalars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_SERVICE__LISTEN__OPS", "127.0.0.1:1234")
    monkeypatch.setenv("TOKEN_SERVICE__STORE__URL", "http://x")

    (problem,) = problems(tmp_path, {})
    assert problem.startswith("store.url: must be memory://, or valkey://")


def test_thousands_of_accounts_are_read(tmp_path: Path) -> None:
    accounts = [{"id": f"seat-{number}", "github_token": "ghu_a"} for number in range(1000)]

    assert len(loaded(tmp_path, {"accounts": accounts}).accounts) == 1000
