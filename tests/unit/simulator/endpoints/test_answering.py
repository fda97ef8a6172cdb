"""Rules meet requests: which are replaced, which are only sent differently, who is charged."""

import pytest

from simulator.endpoints.answering import unknown_refusals
from simulator.faults.plan import Ending
from simulator.scenario.document import Scenario
from simulator.scenario.faults import RandomKind
from tests.unit.simulator.asking import Simulated

GHO = "gho_simulated_octocat"


def test_a_refused_exchange_mints_nothing() -> None:
    """A rule that replaces the answer keeps the plain one from being made."""
    fault = {"match": {"endpoint": "exchange"}, "times": 1, "refusal": "unavailable"}
    simulated = Simulated({"faults": [fault]})
    assert simulated.exchange().status == 503
    assert len(simulated.world.tokens) == 0
    assert simulated.exchange().status == 200


def test_a_seat_can_be_had_for_a_while() -> None:
    fault = {"match": {"endpoint": "exchange"}, "times": 1, "seat": "rate_limited"}
    simulated = Simulated({"faults": [fault]})
    assert simulated.exchange().plan.headers["x-ratelimit-remaining"] == "0"
    assert simulated.exchange().status == 200


def test_a_rule_for_a_model_leaves_others_alone() -> None:
    simulated = Simulated({"faults": [{"match": {"model": "gpt-4.1"}, "refusal": "rate_limited"}]})
    told = simulated.chat(model="gpt-4.1")
    assert (told.status, told.entry.fault) == (429, "unnamed")
    assert simulated.chat(model="gpt-4o").status == 200


def test_an_error_under_status_200_costs_nothing() -> None:
    fault = {"match": {"endpoint": "chat"}, "error_in_200": {"code": "rate_limited"}}
    told = Simulated({"faults": [fault]}).chat()
    assert (told.status, told.entry.nano_aiu) == (200, 0)
    assert (told.entry.prompt_tokens, told.entry.completion_tokens) == (0, 0)
    assert told.json == {"error": {"code": "rate_limited", "message": "simulated error"}}


def test_a_broken_stream_is_charged_in_full() -> None:
    """§12.4: unknown, so the careful assumption."""
    fault = {"match": {"endpoint": "chat"}, "end": {"how": "reset", "after_events": 3}}
    broken = Simulated({"faults": [fault]}).chat(stream=True)
    assert broken.plan.ending is Ending.RESET
    whole = Simulated().chat(stream=True)
    assert broken.entry.nano_aiu == whole.entry.nano_aiu
    assert broken.entry.completion_tokens == whole.entry.completion_tokens > 0


@pytest.mark.parametrize("model", ["gpt-4o", "claude-sonnet-4.6"])
def test_what_is_not_said_is_charged_all_the_same(model: str) -> None:
    fault = {"match": {"endpoint": "chat"}, "drop": ["usage", "copilot_usage"]}
    told = Simulated({"faults": [fault]}).chat(stream=True, model=model)
    assert not any(chunk.get("usage") or "copilot_usage" in chunk for chunk in told.events)
    plain = Simulated().chat(stream=True, model=model).entry
    assert told.entry.prompt_tokens == plain.prompt_tokens > 0
    assert told.entry.nano_aiu == plain.nano_aiu > 0


def test_a_script_changes_what_is_said() -> None:
    fault = {"match": {"endpoint": "chat"}, "script": {"text": "scripted"}}
    told = Simulated({"faults": [fault]}).chat()
    assert told.json["choices"][0]["message"]["content"] == "scripted"


def test_gzip_is_for_those_who_accept_it() -> None:
    simulated = Simulated({"http": {"gzip": True}})
    assert "Content-Encoding" not in simulated.chat().plan.headers
    told = simulated.chat(headers={"Accept-Encoding": "gzip, br"})
    assert told.plan.headers["Content-Encoding"] == "gzip"


def test_request_id_of_the_caller_is_kept() -> None:
    assert Simulated().chat(headers={"X-Request-Id": "mine"}).plan.headers["x-request-id"] == "mine"


def test_rules_are_about_all_protocols() -> None:
    match = {"endpoint": ["responses", "messages"]}
    simulated = Simulated({"faults": [{"match": match, "refusal": "unavailable"}]})
    statuses = [told.status for told in (simulated.responses(), simulated.messages())]
    assert (statuses, simulated.chat().status) == ([503, 503], 200)


def test_what_chance_has_drawn_is_in_the_ledger() -> None:
    fault = {"name": "chance", "match": {"stream": True}, "random_stream_faults": {}}
    simulated = Simulated({"faults": [fault]})
    entries = [simulated.chat(stream=True).entry for _ in range(100)]
    assert {entry.fault_kind for entry in entries} == set(RandomKind)
    assert {entry.fault for entry in entries} == {"chance"}
    free = {entry.fault_kind for entry in entries if entry.nano_aiu == 0}
    assert free == {RandomKind.ERROR_IN_200}
    assert len({entry.text_sha256 for entry in entries}) == 1


def test_the_same_seed_brings_the_same_faults() -> None:
    fault = {"random_stream_faults": {}, "probability": 0.5}

    def kinds(seed: int) -> list[str | None]:
        simulated = Simulated({"faults": [fault], "seed": seed})
        return [simulated.chat(stream=True, bearer=GHO).entry.fault_kind for _ in range(50)]

    assert kinds(1) == kinds(1) != kinds(2)


def test_refusals_have_no_text() -> None:
    assert Simulated().chat(model="nonsense").entry.text_sha256 is None


def test_accounts_and_rules_are_told_of_refusals_that_there_are_not() -> None:
    content = {"accounts": [{"login": "a", "refusal": "x"}], "faults": [{"refusal": "y"}]}
    assert unknown_refusals(Scenario.model_validate(content)) == [
        "faults[0].refusal: no such refusal: y",
        "accounts[0].refusal: no such refusal: x",
    ]
