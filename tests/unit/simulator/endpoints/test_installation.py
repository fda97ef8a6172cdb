"""An App's signed claims for an installation token, and the token as a bearer."""

from email.utils import parsedate_to_datetime
from typing import Any

import jwt
import pytest

from simulator.scenario.accounts import Seat
from simulator.scenario.document import Scenario
from simulator.scenario.reading import ScenarioError, judge
from tests.fakes.app_key import app_key
from tests.unit.simulator.asking import Simulated, Told

PATH = "/app/installations/8/access_tokens"


def simulated(app: dict[str, Any] | None = None, **more: Any) -> Simulated:
    installed = {"app_id": "7", "installation_id": 8, "public_key": app_key().public}
    account = {"login": "acme", "app": {**installed, **(app or {})}, **more.pop("account", {})}
    return Simulated({"accounts": [account], **more})


def claims(now: float, **changed: Any) -> dict[str, Any]:
    return {"iss": "7", "iat": int(now) - 60, "exp": int(now) + 480, **changed}


def ask(
    made: Simulated,
    content: dict[str, Any] | None = None,
    key: str = "app",
    path: str = PATH,
    body: Any = b"",
) -> Told:
    signed = jwt.encode(content or claims(made.now()), app_key(key).private, algorithm="RS256")
    return made.ask("POST", path, {"Authorization": f"Bearer {signed}"}, body)


def models(made: Simulated, token: str) -> Told:
    return made.ask("GET", "/models", {"Authorization": f"Bearer {token}"})


def test_a_signed_claim_gets_a_token_that_the_api_takes() -> None:
    made = simulated()
    told = ask(made)

    assert (told.status, told.entry.endpoint, told.entry.account) == (201, "installation", "acme")
    assert told.json["token"].startswith("ghs_")
    assert told.json["expires_at"].endswith("Z")
    assert told.json["permissions"] == {"organization_copilot_requests": "read"}
    assert models(made, told.json["token"]).status == 200
    assert told.json["token"] in made.world.issued()


def test_its_life_is_an_hour_and_is_stated_by_githubs_clock() -> None:
    made = simulated(clock={"skew_seconds": 3600})
    told = ask(made, claims(made.now() + 3600))
    date = parsedate_to_datetime(told.plan.headers["Date"])
    end = parsedate_to_datetime(told.plan.headers["Date"]).fromisoformat(told.json["expires_at"])

    assert (end - date).total_seconds() == 3600
    made.now.seconds += 3599
    assert models(made, told.json["token"]).status == 200
    made.now.seconds += 1
    assert models(made, told.json["token"]).status == 401


def test_a_token_can_be_revoked() -> None:
    made = simulated()
    token = ask(made).json["token"]

    assert made.world.tokens.revoke("acme") == 1
    assert models(made, token).status == 401


@pytest.mark.parametrize(
    ("changed", "status", "part"),
    [
        ({"iss": "9"}, 404, "Integration not found"),
        ({"iat": 60}, 401, "'Issued at' claim ('iat')"),
        ({"exp": 0}, 401, "'Expiration time' claim ('exp') must be"),
        ({"exp": 601}, 401, "'Expiration time' claim ('exp') is too far"),
        ({"exp": None}, 401, "could not be decoded"),
    ],
)
def test_claims_are_judged(changed: dict[str, Any], status: int, part: str) -> None:
    made = simulated()
    times = {
        name: int(made.now()) + value if isinstance(value, int) else value
        for name, value in changed.items()
    }
    content = claims(made.now(), **times)
    told = ask(made, {name: value for name, value in content.items() if value is not None})

    assert told.status == status
    assert part in told.json["message"]


def test_claims_an_hour_off_are_refused() -> None:
    """GitHub judges by its own clock; what it shows is in Date."""
    made = simulated(clock={"skew_seconds": 3600})

    assert ask(made).status == 401


def test_only_the_apps_own_key_signs() -> None:
    made = simulated()
    assert ask(made, key="another").status == 401
    for secret in ("ghu_simulated_octocat", "nonsense", "a.b.c"):
        told = made.ask("POST", PATH, {"Authorization": f"Bearer {secret}"})
        assert told.status == 401
    assert made.ask("POST", PATH).status == 401


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_no_other_algorithm_counts(algorithm: str) -> None:
    made = simulated()
    key = "" if algorithm == "none" else "x" * 32
    signed = jwt.encode(claims(made.now()), key, algorithm=algorithm)
    told = made.ask("POST", PATH, {"Authorization": f"Bearer {signed}"})

    assert told.status == 401


def test_another_installation_is_not_found() -> None:
    assert ask(simulated(), path="/app/installations/9/access_tokens").status == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"repository_ids": [1]}, 201),
        ({"repository_ids": [1, 2, 3]}, 422),
        ({"permissions": {"organization_copilot_requests": "read"}}, 201),
        ({"permissions": {"organization_copilot_requests": "write"}}, 422),
        ({"permissions": {"contents": "read"}}, 422),
        (b"[", 400),
    ],
)
def test_a_token_is_limited_to_what_the_installation_has(body: Any, status: int) -> None:
    assert ask(simulated({"repository_ids": [1, 2]}), body=body).status == status


def test_a_suspended_installation_gets_none() -> None:
    assert ask(simulated({"suspended": True})).status == 403


def test_without_the_permission_the_api_refuses_it() -> None:
    made = simulated(account={"copilot_requests": False})

    assert models(made, ask(made).json["token"]).status == 403


@pytest.mark.parametrize("seat", [Seat.BAD_CREDENTIALS, Seat.RATE_LIMITED, Seat.HTTP_503])
def test_a_seats_state_is_the_apps_too(seat: Seat) -> None:
    assert ask(simulated(account={"seat": seat})).status in (401, 403, 503)


def test_an_installation_can_be_moved_while_running() -> None:
    made = simulated()
    app = {"app_id": "7", "installation_id": 9, "public_key": app_key().public}
    made.world.accounts.change("acme", {"app": app})

    assert ask(made).status == 404
    assert ask(made, path="/app/installations/9/access_tokens").status == 201


@pytest.mark.parametrize("text", ["", "secret", "-----BEGIN PUBLIC KEY-----\nsecret"])
def test_a_scenario_names_a_public_key(text: str) -> None:
    app = {"app_id": "7", "installation_id": 8, "public_key": text}
    with pytest.raises(ScenarioError) as raised:
        judge({"accounts": [{"login": "a", "app": app}]}, Scenario)

    assert "public_key: must be a public key in PEM" in str(raised.value)


def test_an_installation_is_one_accounts() -> None:
    app = {"app_id": "7", "installation_id": 8, "public_key": app_key().public}
    with pytest.raises(ScenarioError, match="same installation_id"):
        judge({"accounts": [{"login": "a", "app": app}, {"login": "b", "app": app}]}, Scenario)
