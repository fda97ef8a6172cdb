"""What Responses alone refuse (§5.6, §6.4)."""

from typing import Any

import pytest

from tests.unit.simulator.asking import HUBOT, TWO, WEATHER, Simulated, problem

ENCRYPTED: dict[str, Any] = {"include": ["reasoning.encrypted_content"]}


def test_there_is_no_previous_response() -> None:
    told = Simulated().responses(previous_response_id="resp_1")
    assert problem(told) == (400, "previous_response_not_found")


def test_tools_in_chats_shape_have_no_name() -> None:
    told = Simulated().responses(tools=[WEATHER])
    assert problem(told) == (400, "missing_required_parameter")
    assert told.json["error"]["param"] == "tools[0].name"


@pytest.mark.parametrize("is_strict", [True, False])
def test_ids_are_checked_where_a_scenario_says_so(is_strict: bool) -> None:
    """§6.4: the done item's id is what must be sent back, if any is."""
    simulated = Simulated({**TWO, "http": {"check_item_ids": is_strict}})
    events = simulated.responses(stream=True, **ENCRYPTED).named_events
    shown = [event["item"] for event in events if "item" in event]
    done = [item for item in shown if item.get("status") == "completed" or item.get("summary")]
    begun = [item for item in shown if item.get("status") == "in_progress"]
    user = {"role": "user", "content": "?"}

    def status(items: list[Any], credential: str = "ghu_simulated_octocat") -> int:
        told = simulated.responses([*items, user], bearer=simulated.token(credential))
        return told.status

    expected = 400 if is_strict else 200
    assert status(done) == 200
    assert status(begun) == expected
    assert status(done, HUBOT) == expected
    assert status([{"type": "message", "id": "msg_mine", "role": "assistant"}]) == expected
    assert status(simulated.responses().json["output"]) == 200


def test_reasoning_that_has_only_begun_cannot_be_sent_back() -> None:
    simulated = Simulated()
    events = simulated.responses(stream=True, **ENCRYPTED).named_events
    begun, done = (
        event["item"]
        for event in events
        if "item" in event and event["item"]["type"] == "reasoning"
    )
    user = {"role": "user", "content": "?"}
    assert simulated.responses([done, user]).status == 200
    assert problem(simulated.responses([begun, user])) == (400, "invalid_encrypted_content")


def test_what_only_compaction_would_have_made_is_nobodys() -> None:
    items = [{"type": "compaction", "encrypted_content": "AAAA"}, {"role": "user", "content": "?"}]
    assert problem(Simulated().responses(items)) == (400, "invalid_encrypted_content")
