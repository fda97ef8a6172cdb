"""What the settings have to do with each other is told beside whatever else is wrong."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from runtime.configuration import ConfigurationError, load
from token_service.settings import across
from token_service.settings.document import Settings
from token_service.settings.written import Placed

SEAT = {"id": "seat-1", "github_token": "ghu_test"}
BARE = {"id": "bare", "github_token": "gho_test", "strategy": "direct"}
ANYWHERE = {"grpc": "0.0.0.0:50051"}
PLAIN = {**ANYWHERE, "allow_plaintext": True}
SHARED = {"url": "valkey://h"}
FILE = __file__
"""One that can be read."""
GATEWAY: dict[str, Any] = {"id": "gateway", "token_sha256": "a" * 64, "accounts": ["*"]}
CI: dict[str, Any] = {"id": "ci", "token_sha256": "b" * 64, "accounts": ["*"]}
POD = {"id": "pod", "service_account": "copilot/gateway", "accounts": ["*"]}
TOKENS = {"mode": "tokens", "callers": [GATEWAY]}
KUBERNETES = {
    "mode": "kubernetes",
    "issuer": "https://kubernetes.default.svc",
    "jwks_url": "https://kubernetes.default.svc/openid/v1/jwks",
    "callers": [POD],
}
CERTIFICATE = {"id": "ci", "dns_san": "ci.example", "accounts": ["*"]}
REQUIRED_APP = "accounts[0].github_app: required: the App"
NO_APP = "accounts[0].github_app: only the strategy github_app takes an App"
NO_TOKEN = "accounts[0].github_token_file: the strategy github_app takes its App's key"
ONE_IDENTITY = "auth.callers[0]: must have exactly one identity"
NO_ACCOUNT = "auth.callers[0].accounts[0]: there is no such account"
NO_KEY = "store.encryption_key_file: required with a shared store"
NO_TLS = "auth: off loopback tokens must not cross the network in clear"
NO_CALLERS = "auth: off loopback callers must be authenticated"
IN_CLEAR = "auth.callers[0].accounts[0]: the account's GitHub credential would cross"
TOO_LONG = "github.timeout_seconds: must be shorter than store.lock_ttl_seconds"
HALF = "listen.tls.key_file: cert_file and key_file belong together"
KEYS = "auth.jwks_file: mode kubernetes takes the issuer's keys from jwks_url or jwks_file"
TWO_PLACES = "accounts[0].github_token_file: github_token is set too"
NO_CREDENTIAL = "accounts[0].github_token_file: required: the file with the account's credential"
BAD = {"zz": 1}
"""What no section and no entry has."""


def problems(directory: Path, content: dict[str, Any]) -> list[str]:
    file = directory / "token-service.yaml"
    file.write_text(yaml.safe_dump({"accounts": [SEAT], **content}))
    with pytest.raises(ConfigurationError) as raised:
        load(Settings, file)
    return list(raised.value.problems)


def account(**fields: Any) -> dict[str, Any]:
    return {"accounts": [{"id": "a", **fields}]}


def callers(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"auth": {**TOKENS, "callers": list(entries)}}


def app(tmp: str = "/nonexistent") -> dict[str, Any]:
    return {"app_id": 7, "installation_id": 8, "private_key_file": tmp}


# One document for each check, and what it says there.
CHECKS: list[tuple[str, dict[str, Any]]] = [
    (NO_KEY, {"store": SHARED}),
    (TOO_LONG, {"store": {**SHARED, "allow_plaintext": True, "lock_ttl_seconds": 3}}),
    (HALF, {"listen": {"tls": {"cert_file": FILE}}}),
    (HALF, {"listen": {"tls": {"key_file": FILE}}}),
    (
        "listen.tls.client_ca_file: callers' certificates",
        {"listen": {"tls": {"client_ca_file": 1}}},
    ),
    ("accounts[1].id: another account has this id already", {"accounts": [SEAT, {**SEAT}]}),
    ("accounts: at least one account is needed", {"accounts": []}),
    (NO_CREDENTIAL, account()),
    (TWO_PLACES, account(github_token="ghu_a", github_token_file=FILE)),
    (REQUIRED_APP, account(strategy="github_app")),
    (NO_APP, account(github_app=app(), github_token="ghu_a")),
    (NO_TOKEN, account(strategy="github_app", github_app=app(), github_token="ghu_a")),
    (
        "accounts[0].base_url: the API host 'evil.example' is not one",
        account(github_token="ghu_a", base_url="https://evil.example"),
    ),
    (NO_CALLERS, {"listen": PLAIN}),
    (NO_TLS, {"listen": ANYWHERE, "auth": TOKENS}),
    (IN_CLEAR, {"accounts": [BARE], "listen": PLAIN, **callers({**CI, "accounts": ["bare"]})}),
    (
        "auth: mode mtls needs listen.tls.client_ca_file",
        {"auth": {"mode": "mtls", "callers": [CERTIFICATE]}},
    ),
    ("auth.issuer: required with mode kubernetes", {"auth": {**KUBERNETES, "issuer": None}}),
    (KEYS, {"auth": {**KUBERNETES, "jwks_url": None}}),
    (KEYS, {"auth": {**KUBERNETES, "jwks_file": FILE}}),
    (
        "auth.token_review_url: only mode kubernetes reviews tokens",
        {"auth": {**TOKENS, "token_review_url": "https://api.example"}},
    ),
    ("auth.callers: mode none tells no callers apart", {"auth": {"callers": [GATEWAY]}}),
    ("auth.callers: mode tokens needs at least one caller", {"auth": {"mode": "tokens"}}),
    (ONE_IDENTITY, callers({"id": "gateway", "accounts": ["*"]})),
    (ONE_IDENTITY, callers({**GATEWAY, "dns_san": "ci.example"})),
    (ONE_IDENTITY, {"auth": {**TOKENS, "callers": [POD]}}),
    ("auth.callers[1].id: another caller has this id", callers(GATEWAY, {**CI, "id": "gateway"})),
    ("auth.callers[1].token_sha256: another caller is", callers(GATEWAY, {**GATEWAY, "id": "ci"})),
    (NO_ACCOUNT, callers({**GATEWAY, "accounts": ["seat-2"]})),
    (NO_ACCOUNT, callers({**GATEWAY, "accounts": {"seat-2"}})),
    ("auth.callers[0].accounts: name the accounts it may use", callers({**CI, "accounts": []})),
]


def blocks(value: Any) -> Iterator[dict[str, Any]]:
    """Every section and every entry of a list."""
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value:
        if isinstance(each, (dict, list)):
            yield from blocks(each)


@pytest.mark.parametrize(("told", "content"), CHECKS)
def test_it_is_told_beside_an_unknown_setting_in_any_block(
    tmp_path: Path, told: str, content: dict[str, Any]
) -> None:
    """And nothing else is told then that is not told otherwise."""
    whole = {"accounts": [SEAT], "log": {}, "listen": {}, "store": {}, "github": {}, **content}
    alone = problems(tmp_path, whole)
    assert [problem for problem in alone if problem.startswith(told)]
    for number in range(len(list(blocks(whole)))):
        spoilt = deepcopy(whole)
        list(blocks(spoilt))[number].update(BAD)
        found = problems(tmp_path, spoilt)
        beside = [problem for problem in found if "zz: no such setting" in problem]
        assert (len(beside), sorted(found)) == (1, sorted([*alone, *beside]))


def also(content: dict[str, Any], *path: str | int, **values: Any) -> dict[str, Any]:
    """The document with these values at the place."""
    changed = deepcopy({"accounts": [SEAT], **content})
    place: Any = changed
    for part in path:
        place = place.setdefault(part, {}) if isinstance(place, dict) else place[part]
    place.update(values)
    return changed


WIDE = {"listen": ANYWHERE}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (also(WIDE, "listen", ops="x"), ["listen.ops", "auth", "auth"]),
        (also(WIDE, "auth", issuer=""), ["auth.issuer", "auth", "auth"]),
        (
            also({**WIDE, **callers({**CI, "token_sha256": "x"})}),
            ["auth.callers[0].token_sha256", "auth"],
        ),
        (
            {"store": {"url": "valkey://h", "lock_ttl_seconds": 3}},
            ["store.encryption_key_file", "github.timeout_seconds"],
        ),
        (
            {"store": {"url": "valkey://u:hunter2@h", "lock_ttl_seconds": 3}},
            ["store.url", "store.encryption_key_file", "github.timeout_seconds"],
        ),
        (
            {"listen": {"tls": {"cert_file": "/nonexistent"}}},
            ["listen.tls.cert_file", "listen.tls.key_file"],
        ),
        (
            account(github_token="a b", github_token_file="/nonexistent"),
            ["accounts[0].github_token", *["accounts[0].github_token_file"] * 2],
        ),
        (
            account(github_token="a", github_token_file=FILE, strategy="x"),
            ["accounts[0].strategy", *["accounts[0].github_token_file"] * 2],
        ),
        (
            account(github_token="a", base_url="https://evil.example", allowed_hosts=["http://x"]),
            ["accounts[0].allowed_hosts[0]", "accounts[0].base_url"],
        ),
        (
            {"auth": {**KUBERNETES, "jwks_url": "http://x.example", "jwks_file": FILE}},
            ["auth.jwks_url", "auth.jwks_file"],
        ),
        (
            {"auth": {**TOKENS, "token_review_url": "x"}},
            ["auth.token_review_url", "auth.token_review_url"],
        ),
        (
            {"auth": {"mode": "x", "callers": [{**GATEWAY, "dns_san": "ci.example"}]}},
            ["auth.mode", "auth.callers[0]"],
        ),
        (
            callers({**CI, "id": "a b"}, {**CI, "id": "a b", "accounts": ["seat-9", "a b"]}),
            [
                "auth.callers[0].id",
                "auth.callers[1].id",
                "auth.callers[1].accounts[1]",
                "auth.callers[1].id",
                "auth.callers[1].token_sha256",
                "auth.callers[1].accounts[0]",
            ],
        ),
    ],
)
def test_a_bad_value_does_not_hide_what_is_wrong_beside_it(
    tmp_path: Path, content: dict[str, Any], told: list[str]
) -> None:
    found = problems(tmp_path, content)
    assert [problem.partition(": ")[0] for problem in found] == told
    assert "hunter2" not in "".join(found)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        # Where it listens is not known, nor whether it is encrypted, nor who may call.
        ({"listen": {"grpc": "x"}}, ["listen.grpc"]),
        ({"listen": 1}, ["listen"]),
        ({"listen": {**ANYWHERE, "tls": 1}, "auth": TOKENS}, ["listen.tls"]),
        ({"listen": {**ANYWHERE, "allow_plaintext": "x"}, "auth": TOKENS}, ["listen.allow_plaint"]),
        ({"listen": PLAIN, "auth": 1}, ["auth"]),
        ({"listen": PLAIN, "auth": {"mode": "x"}}, ["auth.mode"]),
        # TLS is wanted.
        (
            {"listen": {**ANYWHERE, "tls": {"cert_file": "/x", "key_file": "/x"}}, "auth": TOKENS},
            ["listen.tls.cert_file", "listen.tls.key_file"],
        ),
        ({"listen": {**ANYWHERE, "tls": {"key_file": FILE}}, "auth": TOKENS}, ["listen.tls.key_f"]),
        # A mode that is not known needs nothing.
        ({"auth": {"mode": "x", "callers": [POD]}}, ["auth.mode"]),
        ({"auth": {"mode": "x", "token_review_url": "https://x.example"}}, ["auth.mode"]),
        (callers({**CI, "token_sha256": "x"}), ["auth.callers[0].token_sha256"]),
        ({"auth": {"mode": "tokens", "callers": 1}}, ["auth.callers"]),
        ({"auth": {"mode": "tokens", "callers": [1]}}, ["auth.callers[0]"]),
        # Whether it is shared is not known, nor what it would need then.
        ({"store": {"url": "x"}}, ["store.url"]),
        ({"store": {**SHARED, "allow_plaintext": "x"}}, ["store.allow_plaintext"]),
        (
            {"store": {**SHARED, "encryption_key_file": FILE, "lock_ttl_seconds": "x"}},
            ["store.encryption_key_file", "store.lock_ttl_seconds"],
        ),
        # The account may be the one that is meant.
        (
            {"accounts": [{**SEAT, "id": 1}], **callers({**CI, "accounts": ["1"]})},
            ["accounts[0].id"],
        ),
        (
            {"accounts": [{"github_token": "ghu_a"}], **callers({**CI, "accounts": ["seat-1"]})},
            ["accounts[0].id"],
        ),
        ({"accounts": 1, **callers({**CI, "accounts": ["seat-1"]})}, ["accounts"]),
        # Nor is it known what the account's strategy takes, or which hosts are its own.
        (account(strategy="x"), ["accounts[0].strategy"]),
        (account(github_app=app()), ["accounts[0].github_app.private_key_file", NO_APP]),
        (account(strategy="x", github_token="a"), ["accounts[0].strategy"]),
        (
            account(github_token="a", github_host="x", base_url="https://api.x.ghe.com"),
            ["accounts[0].github_host"],
        ),
        (
            account(
                github_token="a",
                github_host="example.org",
                base_url="https://api.x.ghe.com",
                allowed_hosts=["https://x.example"],
            ),
            ["accounts[0].github_host", "accounts[0].allowed_hosts[0]"],
        ),
        (
            account(
                github_token="a", allowed_hosts=["https://x.example"], base_url="https://x.example"
            ),
            ["accounts[0].allowed_hosts[0]"],
        ),
        (
            {"tracing": {"protocol": "http", "otlp_endpoint": "http://collector:4317/v1/traces"}},
            ["tracing.protocol"],
        ),
    ],
)
def test_what_only_follows_from_a_bad_value_is_not_told(
    tmp_path: Path, content: dict[str, Any], told: list[str]
) -> None:
    found = problems(tmp_path, content)
    assert len(found) == len(told)
    assert all(map(str.startswith, found, told))


def test_what_comes_from_the_environment_is_read_as_it_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN_SERVICE__LISTEN__ALLOW_PLAINTEXT", "true")
    monkeypatch.setenv("TOKEN_SERVICE__STORE__LOCK_TTL_SECONDS", "3")
    monkeypatch.setenv("TOKEN_SERVICE__STORE__ALLOW_PLAINTEXT", "yes")
    (problem,) = problems(tmp_path, {"listen": ANYWHERE, "auth": TOKENS, "store": SHARED})
    assert problem.startswith(TOO_LONG)


NAMES = ["listen", "tls", "grpc", "store", "url", "github", "timeout_seconds", "auth", "mode"]
NAMES += ["callers", "token_sha256", "accounts", "id", "strategy", "github_app", "github_token"]
NAMES += ["base_url", "allowed_hosts"]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(
    st.dictionaries(st.sampled_from(["listen", "store", "auth", "accounts", "github"]), ANYTHING)
)
def test_no_document_is_too_odd_to_be_judged(document: dict[str, Any]) -> None:
    assert all(isinstance(problem.text, str) for problem in across.problems(document))


def test_a_section_that_is_none_has_and_lacks_nothing() -> None:
    odd = Placed((), {"listen": 1}).section("listen")
    assert not odd.has("tls")
    assert not odd.lacks("tls")
    assert odd.section("tls").entries("x") is None
