"""The exchange and the pages about users, by credential and seat."""

import re
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from simulator.scenario.accounts import Seat
from tests.unit.simulator.asking import BASE_URL, GHU, Simulated

TOKEN = re.compile(
    r"tid=[0-9a-f]{32};(?:ol=[^;]+;)?exp=(\d+);sku=[^;]+;proxy-ep=proxy\.\w+\.githubcopilot\.com;"
    r"st=dotcom;ssc=1;chat=1;cit=1;malfil=1;editor_preview_features=1;agent_mode=1;mcp=1;ccr=1;"
    r"8kp=1;ip=203\.0\.113\.7;asn=AS64500:[0-9a-f]{64}"
)


def test_body_has_the_fields_of_section_3_2() -> None:
    body = Simulated().exchange().json
    assert set(body) == {
        "agent_mode_auto_approval", "annotations_enabled", "azure_only",
        "blackbird_clientside_indexing", "chat_enabled", "chat_jetbrains_enabled",
        "code_quote_enabled", "code_review_enabled", "codesearch", "copilotignore_enabled",
        "endpoints", "enterprise_list", "expires_at", "individual", "limited_user_quotas",
        "limited_user_reset_date", "nes_enabled", "organization_list", "prompt_8k",
        "public_suggestions", "refresh_in", "sku", "snippy_load_test_enabled", "telemetry",
        "token", "tracking_id", "trigger_completion_after_accept", "vsc_electron_fetcher_v2",
        "xcode", "xcode_chat",
    }  # fmt: skip


def test_token_lives_half_an_hour_and_names_this_simulator() -> None:
    simulated = Simulated()
    told = simulated.exchange()
    match = TOKEN.fullmatch(told.json["token"])
    assert match is not None
    assert told.json["expires_at"] == int(match[1]) == simulated.now() + 1800
    assert told.json["refresh_in"] == 1500
    assert told.json["endpoints"]["api"] == BASE_URL


def test_every_token_is_another() -> None:
    simulated = Simulated()
    assert simulated.token() != simulated.token()


@pytest.mark.parametrize("scheme", ["token", "Bearer", "bearer"])
def test_both_schemes_are_taken(scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {GHU}"}
    assert Simulated().ask("GET", "/copilot_internal/v2/token", headers).status == 200


@pytest.mark.parametrize(
    ("credential", "status", "message"),
    [
        ("ghu_somebody", 401, "Bad credentials"),
        ("gho_simulated_octocat", 404, "Not Found"),
        ("github_pat_simulated", 403, "Resource not accessible by personal access token"),
        ("ghp_simulated", 403, "Resource not accessible by personal access token"),
    ],
)
def test_other_kinds_of_credential(credential: str, status: int, message: str) -> None:
    told = Simulated().exchange(credential)
    assert (told.status, told.json["message"]) == (status, message)


def test_no_credential_is_401() -> None:
    assert Simulated().ask("GET", "/copilot_internal/v2/token").status == 401


def test_gho_exchanges_where_an_account_allows_it() -> None:
    account = {"login": "a", "credentials": ["gho_a"], "gho_exchanges": True}
    assert Simulated({"accounts": [account]}).exchange("gho_a").status == 200


def test_accept_any_makes_every_ghu_somebody() -> None:
    simulated = Simulated({"accept_any": True})
    assert simulated.exchange("ghu_somebody").status == 200
    assert simulated.exchange("gho_somebody").status == 401


EXPECTED: dict[Seat, tuple[int, str]] = {
    Seat.ACTIVE: (200, '"token"'),
    Seat.BAD_CREDENTIALS: (401, "Bad credentials"),
    Seat.RATE_LIMITED: (403, "API rate limit exceeded for user ID 12345."),
    Seat.SECONDARY_LIMIT: (429, "You have exceeded a secondary rate limit"),
    Seat.SECONDARY_LIMIT_403: (403, "You have exceeded a secondary rate limit"),
    Seat.WRONG_KIND: (403, "Resource not accessible by integration"),
    Seat.NOT_FOUND: (404, "Not Found"),
    Seat.HTTP_500: (500, ""),
    Seat.HTTP_502: (502, ""),
    Seat.HTTP_503: (503, ""),
    Seat.HTTP_504: (504, "<html>"),
    Seat.UNICORN: (502, "Unicorn!"),
    Seat.GARBAGE: (200, "garbage"),
    Seat.TOKENLESS: (200, "error_details"),
}


def seated(seat: str, **more: Any) -> Simulated:
    account = {"login": "a", "credentials": ["ghu_a"], "seat": seat, **more}
    return Simulated({"accounts": [account]})


@pytest.mark.parametrize("seat", [seat for seat in Seat if seat is not Seat.HANG])
def test_answer_to_every_seat(seat: Seat) -> None:
    """§3.4: a row for each; what has no row of its own is a notification id."""
    told = seated(seat).exchange("ghu_a")
    status, part = EXPECTED.get(seat, (403, f'"notification_id":"{seat}"'))
    assert told.status == status
    assert part in told.body.decode()


def test_rate_limit_is_told_by_its_headers() -> None:
    simulated = seated("rate_limited")
    headers = simulated.exchange("ghu_a").plan.headers
    assert headers["x-ratelimit-remaining"] == "0"
    assert int(headers["x-ratelimit-reset"]) == simulated.now() + 60
    assert seated("secondary_limit").exchange("ghu_a").plan.headers["retry-after"] == "60"


def test_a_hanging_seat_sends_nothing_for_an_hour() -> None:
    plan = seated("hang").exchange("ghu_a").plan
    assert (plan.sends_headers, plan.delay_seconds) == (False, 3600)


def test_any_field_can_be_dropped() -> None:
    body = seated("active", drop=["refresh_in", "endpoints"]).exchange("ghu_a").json
    assert "refresh_in" not in body
    assert "endpoints" not in body
    assert "token" in body


def test_evil_api_host_can_be_named() -> None:
    body = seated("active", api_url="https://evil.example").exchange("ghu_a").json
    assert body["endpoints"]["api"] == "https://evil.example"


def test_short_lives() -> None:
    simulated = Simulated({"token": {"life_seconds": 2}})
    body = simulated.exchange().json
    assert (body["expires_at"], body["refresh_in"]) == (simulated.now() + 2, 1)


def test_skew_shifts_what_is_said_and_not_the_life() -> None:
    """§3.5: the clocks of client and server differ; the token's life does not."""
    simulated = Simulated({"clock": {"skew_seconds": 3600, "exp_skew_seconds": 60}})
    told = simulated.exchange()
    date = parsedate_to_datetime(told.plan.headers["Date"]).timestamp()
    assert date == simulated.now() + 3600
    assert told.json["expires_at"] - date == 1800
    assert f"exp={told.json['expires_at'] + 60};" in told.json["token"]
    simulated.now.seconds += 1799
    assert simulated.chat(bearer=told.json["token"]).status == 200
    simulated.now.seconds += 1
    assert simulated.chat(bearer=told.json["token"]).status == 401


def test_user_info_is_for_credentials_that_exchange() -> None:
    simulated = Simulated()
    ghu = {"Authorization": f"token {GHU}"}
    body = simulated.ask("GET", "/copilot_internal/user", ghu).json
    assert body["login"] == "octocat"
    assert body["quota_snapshots"]["premium_interactions"]["entitlement"] == 7000
    gho = {"Authorization": "token gho_simulated_octocat"}
    assert simulated.ask("GET", "/copilot_internal/user", gho).status == 404
    assert simulated.ask("GET", "/user", gho).json["login"] == "octocat"


def test_free_plan_has_limited_quotas_instead() -> None:
    body = seated("active", plan="free").exchange("ghu_a").json
    assert body["limited_user_quotas"] == {"chat": 500, "completions": 4000}
    assert body["sku"] == "free_limited_copilot"


def test_every_answer_names_the_simulator() -> None:
    simulated = Simulated()
    for told in (simulated.exchange(), simulated.chat(), simulated.ask("GET", "/nowhere")):
        assert told.plan.headers["Server"] == "copilot-simulator"
        assert told.plan.headers["x-request-id"]
