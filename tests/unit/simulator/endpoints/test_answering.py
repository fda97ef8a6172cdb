"""Rules meet requests: which are replaced, which are only sent differently, who is charged."""

from simulator.faults.plan import Ending
from tests.unit.simulator.asking import Simulated


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
    assert told.json == {"error": {"code": "rate_limited", "message": "simulated error"}}


def test_a_broken_stream_is_charged_in_full() -> None:
    """§12.4: unknown, so the careful assumption."""
    fault = {"match": {"endpoint": "chat"}, "end": {"how": "reset", "after_events": 3}}
    broken = Simulated({"faults": [fault]}).chat(stream=True)
    assert broken.plan.ending is Ending.RESET
    assert broken.entry.nano_aiu == Simulated().chat(stream=True).entry.nano_aiu


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
