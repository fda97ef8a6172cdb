"""The device flow, poll by poll."""

from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest

from simulator.endpoints.device_flow import GRANT_TYPE
from simulator.state.grants import Decision
from tests.unit.simulator.asking import Simulated, Told

JSON = {"Accept": "application/json", "Content-Type": "application/json"}
CLIENT = "Iv1.simulated"


def begin(simulated: Simulated, client_id: str = CLIENT) -> dict[str, Any]:
    told = simulated.ask("POST", "/login/device/code", JSON, {"client_id": client_id})
    body: dict[str, Any] = told.json
    return body


def poll(simulated: Simulated, code: str, client_id: str = CLIENT, **more: str) -> Told:
    fields = {"client_id": client_id, "device_code": code, "grant_type": GRANT_TYPE, **more}
    return simulated.ask("POST", "/login/oauth/access_token", JSON, fields)


def test_codes_have_the_form_of_section_2_2() -> None:
    codes = begin(Simulated())
    assert set(codes) == {
        "device_code", "user_code", "verification_uri", "expires_in", "interval"
    }  # fmt: skip
    assert len(codes["device_code"]) == 40
    assert len(codes["user_code"]) == 9
    assert (codes["expires_in"], codes["interval"]) == (899, 5)


def test_pending_until_somebody_decides() -> None:
    """Errors come with status 200."""
    simulated = Simulated()
    codes = begin(simulated)
    told = poll(simulated, codes["device_code"])
    assert (told.status, told.json["error"]) == (200, "authorization_pending")


def test_polling_too_fast_makes_the_interval_grow() -> None:
    simulated = Simulated()
    code = begin(simulated)["device_code"]
    poll(simulated, code)
    simulated.now.seconds += 4
    assert poll(simulated, code).json["interval"] == 10
    simulated.now.seconds += 6
    told = poll(simulated, code)
    assert (told.json["error"], told.json["interval"]) == ("slow_down", 15)
    simulated.now.seconds += 15
    assert poll(simulated, code).json["error"] == "authorization_pending"


def test_a_granted_code_gives_one_working_credential() -> None:
    simulated = Simulated()
    codes = begin(simulated)
    grant = simulated.world.grants.by_user_code(codes["user_code"].lower().replace("-", ""))
    assert grant is not None
    grant.decision = Decision.GRANTED
    body = poll(simulated, codes["device_code"]).json
    assert body["token_type"] == "bearer"
    assert body["access_token"].startswith("ghu_simulated_octocat_")
    assert simulated.exchange(body["access_token"]).status == 200
    assert poll(simulated, codes["device_code"]).json["error"] == "incorrect_device_code"


def test_an_oauth_app_gets_a_gho_credential() -> None:
    simulated = Simulated({"device": {"answer": "grant"}})
    code = begin(simulated, "Ov23simulated")["device_code"]
    assert poll(simulated, code, "Ov23simulated").json["access_token"].startswith("gho_")


def test_denied_and_expired_codes() -> None:
    simulated = Simulated({"device": {"answer": "deny", "after_polls": 1}})
    code = begin(simulated)["device_code"]
    assert poll(simulated, code).json["error"] == "authorization_pending"
    simulated.now.seconds += 5
    assert poll(simulated, code).json["error"] == "access_denied"
    late = begin(simulated)["device_code"]
    simulated.now.seconds += 899
    assert poll(simulated, late).json["error"] == "expired_token"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"device_code": "another"}, "incorrect_device_code"),
        ({"client_id": "Iv1.another"}, "incorrect_client_credentials"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_wrong_fields(fields: dict[str, str], error: str) -> None:
    simulated = Simulated({"device": {"client_ids": [CLIENT]}})
    code = begin(simulated)["device_code"]
    told = simulated.ask(
        "POST",
        "/login/oauth/access_token",
        JSON,
        {"client_id": CLIENT, "device_code": code, "grant_type": GRANT_TYPE, **fields},
    )
    assert (told.status, told.json["error"]) == (200, error)


def test_unknown_client_id_gets_no_codes() -> None:
    simulated = Simulated({"device": {"client_ids": [CLIENT]}})
    told = simulated.ask("POST", "/login/device/code", JSON, {"client_id": "Iv1.another"})
    assert told.status == 404


def test_device_flow_can_be_disabled() -> None:
    simulated = Simulated({"device": {"enabled": False}})
    assert begin(simulated)["error"] == "device_flow_disabled"


def test_forms_are_read_and_answered_with_forms() -> None:
    """Without `Accept: application/json` GitHub answers form-encoded."""
    simulated = Simulated()
    body = urlencode({"client_id": CLIENT, "scope": "read:user"}).encode()
    told = simulated.ask("POST", "/login/device/code", {}, body)
    assert told.plan.headers["Content-Type"].startswith("application/x-www-form-urlencoded")
    assert len(parse_qs(told.body.decode())["device_code"][0]) == 40


def test_bodies_that_are_no_objects_are_read_as_empty() -> None:
    simulated = Simulated()
    for body in (b"[1]", b"{", b"\xff"):
        assert simulated.ask("POST", "/login/device/code", JSON, body).status == 404
