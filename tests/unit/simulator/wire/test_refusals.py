"""The rows of §7.2, by name."""

import json

import pytest

from simulator.scenario.document import Scenario
from simulator.wire.capi_refusals import REFUSALS, Refusal
from tests.unit.simulator.asking import Simulated


@pytest.mark.parametrize("name", sorted(REFUSALS))
def test_each_is_an_error_that_a_scenario_can_name(name: str) -> None:
    scenario = {"faults": [{"match": {"endpoint": "chat"}, "refusal": name}]}
    told = Simulated(Scenario.model_validate(scenario).model_dump()).chat()
    assert told.status == REFUSALS[name].status >= 400
    assert told.body
    assert told.entry.nano_aiu == 0


def test_json_errors_are_labelled_as_text_and_end_in_a_line_feed() -> None:
    """§7.1: content types of errors lie."""
    answer = Refusal(400, {"error": {"message": "m", "code": "c"}}).answer()
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.body.endswith(b"\n")
    assert json.loads(answer.body)["error"]["code"] == "c"


def test_limits_say_which_and_for_how_long() -> None:
    headers = REFUSALS["user_model_rate_limited"].answer().headers
    assert headers["x-ratelimit-exceeded"] == "user_model_rate_limited"
    assert REFUSALS["rate_limited_58_hours"].answer().headers["retry-after"] == "208800"


def test_retired_version_is_plain_text() -> None:
    answer = REFUSALS["api_version_retired"].answer()
    assert (answer.status, answer.body[-1:]) == (466, b"\n")
