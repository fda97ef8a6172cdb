"""The sections listen and auth: what is accepted, and what is said about the rest."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.configuration import ConfigurationError, load
from tests.servers.certificates import Authority
from tests.servers.jwt_issuer import ISSUER
from tests.servers.mounted import MountedSecret
from token_service.domain.callers import IdentityKind
from token_service.domain.rates import Rate
from token_service.settings.callers import directory_of
from token_service.settings.document import Settings

SEAT = {"id": "seat-1", "github_token": "ghu_test"}
BARE = {"id": "bare", "github_token": "gho_test", "strategy": "direct"}
DIGEST = "a" * 64
ANYWHERE = "0.0.0.0:50051"
GATEWAY: dict[str, Any] = {"id": "gateway", "token_sha256": DIGEST, "accounts": ["*"]}
TOKENS: dict[str, Any] = {"mode": "tokens", "callers": [GATEWAY]}
KUBERNETES: dict[str, Any] = {
    "mode": "kubernetes",
    "issuer": ISSUER,
    "jwks_url": "https://kubernetes.default.svc/openid/v1/jwks",
    "callers": [{"id": "gateway", "service_account": "copilot/gateway", "accounts": ["*"]}],
}
AUTHORITY = Authority()


def loaded(directory: Path, **content: Any) -> Settings:
    file = directory / "token-service.yaml"
    file.write_text(yaml.safe_dump({"accounts": [SEAT, BARE], **content}))
    return load(Settings, file)


def problems(directory: Path, **content: Any) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        loaded(directory, **content)
    return list(raised.value.problems)


@pytest.fixture
def tls(tmp_path: Path) -> dict[str, str]:
    """Files that fit together."""
    secret = MountedSecret(tmp_path / "tls")
    pair = AUTHORITY.issue("localhost")
    secret.swap(tls_crt=pair.cert, tls_key=pair.key, ca_crt=AUTHORITY.ca)
    return {"cert_file": str(secret.path("tls.crt")), "key_file": str(secret.path("tls.key"))}


def with_client_ca(tls: dict[str, str]) -> dict[str, str]:
    return {**tls, "client_ca_file": str(Path(tls["cert_file"]).with_name("ca.crt"))}


# --- off loopback -----------------------------------------------------------------------------


@pytest.mark.parametrize("address", [ANYWHERE, "192.0.2.1:50051", "[::]:50051", "broker:50051"])
def test_off_loopback_callers_are_authenticated_and_nothing_lifts_that(
    tmp_path: Path, tls: dict[str, str], address: str
) -> None:
    for listen in ({"tls": tls}, {"allow_plaintext": True}, {"tls": tls, "allow_plaintext": True}):
        (problem,) = problems(tmp_path, listen={"grpc": address, **listen})
        assert problem.startswith("auth: off loopback callers must be authenticated")
    assert len(problems(tmp_path, listen={"grpc": address})) == 2


@pytest.mark.parametrize("address", [ANYWHERE, "broker:50051"])
def test_off_loopback_connections_are_encrypted_or_it_is_said_that_they_are(
    tmp_path: Path, tls: dict[str, str], address: str
) -> None:
    (problem,) = problems(tmp_path, listen={"grpc": address}, auth=TOKENS)
    assert problem.startswith("auth: off loopback tokens must not cross the network in clear")

    loaded(tmp_path, listen={"grpc": address, "tls": tls}, auth=TOKENS)
    loaded(tmp_path, listen={"grpc": address, "allow_plaintext": True}, auth=TOKENS)


@pytest.mark.parametrize("address", ["127.0.0.1:50051", "[::1]:50051", "localhost:50051"])
def test_on_loopback_nothing_is_required(tmp_path: Path, address: str) -> None:
    assert loaded(tmp_path, listen={"grpc": address}).listen.is_private


def test_a_github_credential_does_not_cross_a_network_in_clear(
    tmp_path: Path, tls: dict[str, str]
) -> None:
    """Design §2, invariant 1."""
    auth = {"mode": "tokens", "callers": [{**GATEWAY, "accounts": ["seat-1", "bare"]}]}
    plaintext = {"grpc": ANYWHERE, "allow_plaintext": True}
    (problem,) = problems(tmp_path, listen=plaintext, auth=auth)
    assert problem == (
        "auth.callers[0].accounts[1]: the account's GitHub credential would cross the network in "
        "clear (strategy direct): set listen.tls"
    )

    loaded(tmp_path, listen={"grpc": ANYWHERE, "tls": tls}, auth=auth)
    loaded(tmp_path, auth=auth)
    loaded(tmp_path, listen=plaintext, auth=TOKENS)


@pytest.mark.parametrize("is_private", [False, True])
def test_nor_is_it_given_there_by_what_runs(
    tmp_path: Path, tls: dict[str, str], is_private: bool
) -> None:
    """Not only refused at the start: accounts change while the service runs."""
    auth = {"mode": "tokens", "callers": [{**GATEWAY, "accounts": ["seat-1"]}]}
    listen = {"grpc": ANYWHERE, **({"tls": tls} if is_private else {"allow_plaintext": True})}
    settings = loaded(tmp_path, listen=listen, auth=auth)
    caller = directory_of(settings.auth, settings.listen).tokens[DIGEST]

    assert caller.may_use("seat-1", False)
    assert caller.may_use("seat-1", True) is is_private


# --- TLS --------------------------------------------------------------------------------------


def test_a_certificate_and_its_key(tmp_path: Path, tls: dict[str, str]) -> None:
    assert loaded(tmp_path, listen={"tls": with_client_ca(tls)}).listen.tls.is_on


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"key_file": None}, "tls.key_file: cert_file and key_file belong together"),
        ({"cert_file": None}, "tls.key_file: cert_file and key_file belong together"),
        ({"cert_file": "/nonexistent"}, "tls.cert_file: /nonexistent: cannot be read"),
        ({"key_file": "/nonexistent"}, "tls.key_file: /nonexistent: cannot be read"),
        ({"client_ca_file": "/nonexistent"}, "tls.client_ca_file: /nonexistent: no such file"),
    ],
)
def test_files_that_do_not_fit(
    tmp_path: Path, tls: dict[str, str], changes: dict[str, Any], text: str
) -> None:
    (problem,) = problems(tmp_path, listen={"tls": {**tls, **changes}})

    assert problem.startswith(f"listen.{text}")


def test_a_key_of_another_certificate(tmp_path: Path, tls: dict[str, str]) -> None:
    other = tmp_path / "other.key"
    other.write_bytes(AUTHORITY.issue("localhost").key)
    (problem,) = problems(tmp_path, listen={"tls": {**tls, "key_file": str(other)}})

    assert problem.startswith("listen.tls.key_file: key_file does not hold the key")


def test_callers_certificates_need_tls(tmp_path: Path, tls: dict[str, str]) -> None:
    only = {"client_ca_file": with_client_ca(tls)["client_ca_file"]}
    (problem,) = problems(tmp_path, listen={"tls": only})

    assert problem.startswith("listen.tls.client_ca_file: callers' certificates are part of TLS")


# --- modes and callers ------------------------------------------------------------------------


def test_every_mode_has_a_configuration_that_works(tmp_path: Path, tls: dict[str, str]) -> None:
    callers = [
        {"id": "gateway", "spiffe_id": "spiffe://corp.example/ns/copilot/sa/gw", "accounts": ["*"]},
        {"id": "ci", "dns_san": "ci.corp.example", "accounts": ["seat-1"]},
    ]
    assert loaded(tmp_path).auth.mode == "none"
    loaded(tmp_path, auth=TOKENS)
    loaded(tmp_path, auth=KUBERNETES)
    loaded(tmp_path, listen={"tls": with_client_ca(tls)}, auth={"mode": "mtls", "callers": callers})


@pytest.mark.parametrize(
    ("auth", "text"),
    [
        ({"callers": [GATEWAY]}, "mode none tells no callers apart"),
        ({"mode": "tokens"}, "mode tokens needs at least one caller"),
        (
            {**KUBERNETES, "callers": [GATEWAY]},
            "auth.callers[0]: must have exactly one identity, service_account, with mode kuber",
        ),
        (
            {**TOKENS, "callers": [{**GATEWAY, "spiffe_id": "spiffe://a.example/b"}]},
            "auth.callers[0]: must have exactly one identity, token_sha256, with mode tokens",
        ),
        (
            {**TOKENS, "callers": [{"id": "gateway", "accounts": ["*"]}]},
            "auth.callers[0]: must have exactly one identity",
        ),
        (
            {**TOKENS, "callers": [GATEWAY, {**GATEWAY, "token_sha256": "b" * 64}]},
            "auth.callers[1].id: another caller has this id already",
        ),
        (
            {**TOKENS, "callers": [GATEWAY, {**GATEWAY, "id": "ci"}]},
            "auth.callers[1].token_sha256: another caller is known by the same one",
        ),
        (
            {**TOKENS, "callers": [{**GATEWAY, "accounts": ["seat-2"]}]},
            "auth.callers[0].accounts[0]: there is no such account",
        ),
        ({**KUBERNETES, "issuer": None}, "required with mode kubernetes"),
        ({**KUBERNETES, "jwks_url": None}, "keys from jwks_url or jwks_file"),
        ({**KUBERNETES, "jwks_file": __file__}, "keys from jwks_url or jwks_file"),
        ({**KUBERNETES, "jwks_url": "http://keys.example"}, "must be https"),
        ({**KUBERNETES, "token_review_url": "http://api.example"}, "must be https"),
        ({**TOKENS, "token_review_url": "https://api.example"}, "only mode kubernetes reviews"),
    ],
)
def test_callers_that_cannot_be_known(tmp_path: Path, auth: dict[str, Any], text: str) -> None:
    (problem,) = problems(tmp_path, auth=auth)

    assert text in problem


def test_client_certificates_need_their_authorities(tmp_path: Path, tls: dict[str, str]) -> None:
    auth = {"mode": "mtls", "callers": [{"id": "ci", "dns_san": "ci.example", "accounts": ["*"]}]}
    (problem,) = problems(tmp_path, listen={"tls": tls}, auth=auth)

    assert "mode mtls needs listen.tls.client_ca_file" in problem


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", "a b"),
        ("token_sha256", "A" * 64),
        ("token_sha256", "a" * 63),
        ("token_sha256", "the-token-itself"),
        ("accounts", []),
        ("accounts", ["seat*"]),
        ("requests_per_second", 0),
        ("max_streams", 0),
    ],
)
def test_a_setting_of_a_caller_out_of_its_range(tmp_path: Path, name: str, value: Any) -> None:
    auth = {"mode": "tokens", "callers": [{**GATEWAY, name: value}]}
    (problem,) = problems(tmp_path, auth=auth)

    assert problem.startswith(f"auth.callers[0].{name}")
    assert "the-token-itself" not in problem


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("spiffe_id", "https://corp.example/a"),
        ("spiffe_id", "spiffe://corp.example"),
        ("spiffe_id", "spiffe://corp.example/a?b"),
        ("dns_san", "*.corp.example"),
        ("dns_san", "CI.corp.example"),
        ("dns_san", "ci..example"),
    ],
)
def test_names_in_certificates(tmp_path: Path, tls: dict[str, str], kind: str, value: str) -> None:
    auth = {"mode": "mtls", "callers": [{"id": "ci", kind: value, "accounts": ["*"]}]}
    (problem,) = problems(tmp_path, listen={"tls": with_client_ca(tls)}, auth=auth)

    assert problem.startswith(f"auth.callers[0].{kind}")


def test_no_honest_load_is_refused_unless_that_is_asked_for(tmp_path: Path) -> None:
    """A dozen clients that start ask for 5,000 accounts each, at once and again and again."""
    settings = loaded(tmp_path, auth={"mode": "tokens", "callers": [GATEWAY]})
    limits = directory_of(settings.auth, settings.listen).tokens[DIGEST].limits

    assert limits.requests is None
    assert limits.streams is not None
    assert limits.streams >= 12 * 5000


def test_what_the_callers_come_to(tmp_path: Path) -> None:
    callers = [
        {**GATEWAY, "requests_per_second": 100, "max_streams": None},
        {"id": "ci", "token_sha256": "b" * 64, "accounts": ["seat-1"], "requests_per_second": 0.1},
    ]
    settings = loaded(tmp_path, auth={"mode": "tokens", "callers": callers})
    found = directory_of(settings.auth, settings.listen)
    gateway, ci = found.tokens[DIGEST], found.names[IdentityKind.TOKEN_SHA256, "b" * 64]

    assert (gateway.id, *gateway.accounts) == ("gateway", "*")
    assert gateway.limits.requests == Rate(100, 500)
    assert gateway.limits.streams is None
    assert ci.limits.requests == Rate(0.1, 1.0)
    assert ci.limits.streams == 100_000
