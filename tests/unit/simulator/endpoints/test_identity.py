"""The gate before the inference API: tokens, hosts, kinds of credential, editor headers."""

import pytest

from tests.unit.simulator.asking import EDITOR, Simulated, Told

PLAN_HOSTS = {"business": "http://127.0.0.1:8091", "individual": "http://127.0.0.1:8092"}


def models(
    simulated: Simulated, secret: str | None, listener: str = "main", **headers: str
) -> Told:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if secret is not None:
        named["Authorization"] = f"Bearer {secret}"
    return simulated.ask("GET", "/models", named, listener=listener)


def test_living_token_with_an_editor_is_served() -> None:
    simulated = Simulated()
    assert models(simulated, simulated.token(), Editor_Version="test/1").status == 200


@pytest.mark.parametrize(
    ("editor", "text"),
    [
        ({}, "bad request: missing Editor-Version header for IDE auth\n"),
        ({"Editor_Version": "x"}, "bad request: unknown Editor-Version header for IDE auth\n"),
    ],
)
def test_exchange_mode_asks_for_an_editor(editor: dict[str, str], text: str) -> None:
    simulated = Simulated()
    told = models(simulated, simulated.token(), **editor)
    assert (told.status, told.body.decode()) == (400, text)
    assert told.plan.headers["Content-Type"].startswith("text/plain")


def test_expired_revoked_and_forged_tokens() -> None:
    simulated = Simulated()
    token = simulated.token()
    assert models(simulated, token[:-1] + "0").body == b"unauthorized: token expired\n"
    assert models(simulated, "nonsense").status == 401
    simulated.now.seconds += 1800
    told = models(simulated, token)
    assert (told.status, told.body) == (401, b"IDE token expired: unauthorized: token expired\n")
    fresh = simulated.token()
    assert simulated.world.tokens.revoke("octocat") == 2
    assert models(simulated, fresh).body == b"unauthorized: token expired\n"


def test_no_authorization_is_401() -> None:
    assert models(Simulated(), None).status == 401


def test_token_and_host_are_a_pair() -> None:
    """§5.1: the same token is served at its plan's host and misdirected anywhere else."""
    simulated = Simulated(hosts=PLAN_HOSTS)
    body = simulated.exchange().json
    assert body["endpoints"]["api"] == PLAN_HOSTS["individual"]
    for listener, status in (("individual", 200), ("business", 421), ("main", 421)):
        assert models(simulated, body["token"], listener, **_EDITOR).status == status


def test_a_move_to_another_plan_strands_the_old_token() -> None:
    """§11, S5: only a new exchange names the new host."""
    simulated = Simulated(hosts=PLAN_HOSTS)
    old = simulated.token()
    simulated.world.accounts.change("octocat", {"plan": "business"})
    for listener in ("individual", "business", "main"):
        told = models(simulated, old, listener, **_EDITOR)
        assert (told.status, told.body) == (421, b"Misdirected Request\n")
    assert models(simulated, simulated.token(), "business", **_EDITOR).status == 200


def test_plan_hosts_are_not_github() -> None:
    simulated = Simulated(hosts=PLAN_HOSTS)
    path = "/copilot_internal/v2/token"
    assert simulated.ask("GET", path, listener="business").status == 404
    assert simulated.ask("GET", "/_ping", listener="business").status == 200


@pytest.mark.parametrize(
    ("credential", "integration", "status"),
    [
        ("gho_simulated_octocat", None, 200),
        ("ghu_simulated_octocat", None, 200),
        ("gho_somebody", None, 401),
        ("ghp_simulated", None, 400),
        ("github_pat_simulated", None, 400),
        ("github_pat_simulated", "vscode-chat", 400),
        ("github_pat_simulated", "copilot-developer-cli", 200),
        ("github_pat_somebody", "copilot-developer-cli", 401),
    ],
)
def test_direct_mode_by_kind(credential: str, integration: str | None, status: int) -> None:
    headers = {"Copilot_Integration_Id": integration} if integration else {}
    assert models(Simulated(), credential, **headers).status == status


def test_personal_token_without_the_permission() -> None:
    account = {"login": "a", "credentials": ["github_pat_a"], "copilot_requests": False}
    simulated = Simulated({"accounts": [account]})
    told = models(simulated, "github_pat_a", Copilot_Integration_Id="copilot-developer-cli")
    assert told.status == 401
    assert b"does not have Copilot Requests permission" in told.body


def test_account_can_forbid_direct_mode() -> None:
    account = {"login": "a", "credentials": ["gho_a"], "direct": False}
    assert models(Simulated({"accounts": [account]}), "gho_a").status == 401


def test_retired_api_version_is_466_for_everyone() -> None:
    simulated = Simulated({"http": {"retired_api_versions": ["2025-04-01"]}})
    told = models(simulated, simulated.token(), X_GitHub_Api_Version="2025-04-01", **_EDITOR)
    assert told.status == 466
    assert told.body.startswith(b"bad request: the specified API version is no longer supported.")


def test_what_was_accepted_is_known_as_issued() -> None:
    simulated = Simulated()
    token = simulated.token()
    models(simulated, "gho_simulated_octocat")
    assert {token, "gho_simulated_octocat"} <= set(simulated.world.issued())


_EDITOR = {name.replace("-", "_"): value for name, value in EDITOR.items()}
