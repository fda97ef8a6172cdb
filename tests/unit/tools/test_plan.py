"""What `make run` decides to start, from the environment and the options."""

import json
import re

import pytest

from tools.plan import (
    CREDENTIAL_VARIABLES,
    SIMULATED_CREDENTIAL,
    Options,
    Plan,
    Ports,
    Refused,
    child_environment,
    gateway_document,
    overrides,
    plan,
    ports_used,
    token_service_document,
)

URL = "http://127.0.0.1:9999"
EDITOR, OAUTH, FINE, CLASSIC = "ghu_x1", "gho_x1", "github_pat_x1", "ghp_x1"


def account(what: Plan) -> dict[str, object]:
    (only,) = token_service_document(what, "F")["accounts"]
    assert isinstance(only, dict)
    return only


# --- which credential -------------------------------------------------------------------------


@pytest.mark.parametrize("environ", [{}, {"GH_TOKEN": ""}, {"GITHUB_TOKEN": " \n"}])
def test_without_a_credential_the_simulator_stands_in_and_that_is_said(
    environ: dict[str, str],
) -> None:
    what = plan(environ, Options())
    assert what.starts_simulator
    assert what.credential == SIMULATED_CREDENTIAL
    assert what.notice.startswith("None of COPILOT_GITHUB_TOKEN, GH_TOKEN, GITHUB_TOKEN is set")
    assert "SIMULATOR" in what.notice


@pytest.mark.parametrize("value", ["1", "true", "yes", " 1 "])
def test_the_simulator_can_be_asked_for_and_then_no_credential_is_used(value: str) -> None:
    what = plan({"SIMULATOR": value, "GH_TOKEN": OAUTH}, Options())
    assert what.starts_simulator
    assert what.credential == SIMULATED_CREDENTIAL
    assert what.notice.startswith("SIMULATOR is set")


@pytest.mark.parametrize("value", ["", "0", "false", "No"])
def test_a_simulator_that_is_not_wanted_is_not_started(value: str) -> None:
    assert not plan({"SIMULATOR": value, "GH_TOKEN": OAUTH}, Options()).starts_simulator


def test_the_first_variable_that_is_set_wins_and_is_named() -> None:
    """copilot-upstream.md §2.6"""
    environ = {name: f"ghu_{number}" for number, name in enumerate(CREDENTIAL_VARIABLES)}
    for number, name in enumerate(CREDENTIAL_VARIABLES):
        what = plan(environ, Options())
        assert what.credential == f"ghu_{number}"
        assert f"Using {name}," in what.notice
        environ[name] = ""


# --- what each kind can do --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("credential", "strategy"),
    [(EDITOR, "exchange"), (OAUTH, "direct"), (FINE, "direct"), ("0123456789abcdef", "auto")],
)
def test_the_kind_decides_the_strategy_and_both_are_said(credential: str, strategy: str) -> None:
    """copilot-upstream.md §2.4; `direct` is never chosen by `auto`, so it is named here."""
    what = plan({"GH_TOKEN": credential}, Options())
    assert account(what)["strategy"] == strategy
    assert f"strategy {strategy}, against GitHub" in what.notice


@pytest.mark.parametrize(
    ("credential", "because"),
    [(CLASSIC, "Copilot refuses every one of that kind"), ("ghs_x1", "github_app")],
)
def test_what_cannot_work_is_refused_with_the_reason_and_the_kinds_that_work(
    credential: str, because: str
) -> None:
    with pytest.raises(Refused, match=because) as caught:
        plan({"GITHUB_TOKEN": credential}, Options())
    text = str(caught.value)
    assert text.startswith("GITHUB_TOKEN holds ")
    assert all(prefix in text for prefix in ("ghu_", "gho_", "github_pat_"))
    assert credential not in text


@pytest.mark.parametrize("credential", [EDITOR, OAUTH, FINE, "f00d"])
def test_the_credential_is_in_no_text_and_in_no_document(credential: str) -> None:
    what = plan({"GH_TOKEN": credential}, Options())
    assert credential not in f"{what!r} {what.notice}"
    assert credential not in json.dumps([token_service_document(what, "F"), account(what)])


def test_a_fine_grained_token_without_integration_id_is_warned_about() -> None:
    """copilot-upstream.md §2.4"""
    environ = {"GH_TOKEN": FINE}
    assert "--integration-id" in plan(environ, Options()).notice
    told = plan(environ, Options(integration_id="some-client"))
    assert "--integration-id" not in told.notice
    document = token_service_document(told, "F")
    assert document["client_identity"] == {"integration_id": "some-client"}


# --- against what -----------------------------------------------------------------------------


def test_github_itself_needs_no_urls() -> None:
    document = token_service_document(plan({"GH_TOKEN": OAUTH}, Options()), "F")
    assert "github" not in document
    assert account(plan({"GH_TOKEN": OAUTH}, Options())) == {
        "id": "local",
        "strategy": "direct",
        "github_token_file": "F",
    }


@pytest.mark.parametrize(
    ("credential", "base_url"), [(EDITOR, None), (OAUTH, URL), (FINE, URL), ("f00d", None)]
)
def test_another_upstream_changes_urls_and_nothing_else(
    credential: str, base_url: str | None
) -> None:
    """An exchange names the API host itself; `direct` has to be told."""
    environ = {"GH_TOKEN": credential}
    real = token_service_document(plan(environ, Options()), "F")
    other = token_service_document(plan(environ, Options(upstream_url=URL)), "F")
    assert other.pop("github") == {"api_url": URL, "web_url": URL}
    assert other["accounts"][0].pop("base_url", None) == base_url
    assert other["accounts"][0].pop("allowed_hosts") == ["127.0.0.1"]
    assert other == real


def test_another_upstream_without_a_credential_gets_the_simulated_one() -> None:
    what = plan({"SIMULATOR": "1"}, Options(upstream_url=URL))
    assert not what.starts_simulator
    assert what.credential == SIMULATED_CREDENTIAL
    assert f"against {URL}" in what.notice


def test_the_simulator_is_one_more_upstream() -> None:
    ports = Ports(simulator=9999)
    simulated = token_service_document(plan({}, Options(ports=ports)), "F")
    by_hand = token_service_document(plan({}, Options(ports=ports, upstream_url=URL)), "F")
    assert simulated == by_hand


# --- the rest of the documents ----------------------------------------------------------------


def test_everything_listens_on_loopback_at_the_ports_asked_for() -> None:
    what = plan({}, Options(ports=Ports(1, 2, 3, 4, 5)))
    assert token_service_document(what, "F")["listen"] == {
        "grpc": "127.0.0.1:3",
        "ops": "127.0.0.1:4",
    }
    gateway = gateway_document(what, "0" * 64, "/somewhere")
    assert gateway["listen"] == {"host": "127.0.0.1", "port": 1, "ops_port": 2}
    assert gateway["token_service"] == {"target": "127.0.0.1:3"}


def test_the_one_key_reaches_the_one_account() -> None:
    document = gateway_document(plan({}, Options()), "0" * 64, "/somewhere")
    (key,), (group,) = document["keys"], document["groups"]
    assert key["sha256"] == "0" * 64
    assert key["group"] == group["id"]
    assert group["accounts"] == [{"id": account(plan({}, Options()))["id"]}]


def test_only_ports_that_will_be_listened_on_are_checked() -> None:
    assert set(ports_used(plan({}, Options()))) > {"simulator"}
    assert "simulator" not in ports_used(plan({"GH_TOKEN": OAUTH}, Options()))


# --- what the services inherit ----------------------------------------------------------------


def test_no_service_inherits_a_credential_or_an_override() -> None:
    """The gateway never holds a GitHub credential (design §2, invariant 1)."""
    environ = dict.fromkeys(CREDENTIAL_VARIABLES, OAUTH) | {
        "GATEWAY__LISTEN__PORT": "1",
        "token_service__log__level": "debug",
        "PATH": "/bin",
    }
    assert child_environment(environ) == {"PATH": "/bin"}
    assert overrides(environ) == ["GATEWAY__LISTEN__PORT", "token_service__log__level"]


def test_every_refusal_is_one_line_that_ends_as_a_sentence() -> None:
    for credential in (CLASSIC, "ghs_x1"):
        with pytest.raises(Refused) as caught:
            plan({"GH_TOKEN": credential}, Options())
        assert re.fullmatch(r".+[^.]\.", str(caught.value))
