"""The truth table of copilot-upstream.md §8.2, for chat."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.chat import Message
from gateway.domain.initiator import Initiator, Rule, judge_chat

USER, AGENT = Initiator.USER, Initiator.AGENT
ROLES = ("system", "developer", "user", "assistant", "tool", "function", "unheard_of")


def conversation(roles: str) -> list[Message]:
    return [Message(role) for role in roles.split()]


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ("user", USER),
        ("user assistant user", USER),
        ("user assistant tool", AGENT),
        ("user assistant tool user", USER),
        ("user assistant tool tool", AGENT),
        ("user assistant function", AGENT),
        ("user assistant tool system", AGENT),
        ("user assistant tool developer system", AGENT),
        ("user system", USER),
        ("user assistant", USER),
        ("system", USER),
        ("unheard_of", USER),
        ("", USER),
    ],
)
def test_only_tool_output_at_the_end_is_a_machines(roles: str, expected: Initiator) -> None:
    assert judge_chat(conversation(roles), None, may_mark_agent=False).initiator is expected


@pytest.mark.parametrize(
    ("marked", "allowed", "expected", "rule"),
    [
        ("agent", True, AGENT, Rule.CALLER_SAID_AGENT),
        ("AGENT ", True, AGENT, Rule.CALLER_SAID_AGENT),
        ("agent", False, USER, Rule.DEFAULT),
        ("user", True, USER, Rule.CALLER_SAID_USER),
        ("robot", True, USER, Rule.DEFAULT),
        ("", True, USER, Rule.DEFAULT),
    ],
)
def test_a_caller_may_say_agent_only_where_its_key_allows(
    marked: str, allowed: bool, expected: Initiator, rule: Rule
) -> None:
    verdict = judge_chat(conversation("user"), marked, may_mark_agent=allowed)
    assert (verdict.initiator, verdict.rule) == (expected, rule)


def test_a_callers_user_is_never_downgraded() -> None:
    verdict = judge_chat(conversation("user assistant tool"), "user", may_mark_agent=True)
    assert verdict.initiator is USER


@given(st.lists(st.sampled_from(ROLES), max_size=8))
def test_whatever_a_person_said_last_is_theirs(roles: list[str]) -> None:
    """No history makes a request that ends with a user's message an agent's."""
    messages = [Message(role) for role in [*roles, "user"]]
    assert judge_chat(messages, "agent", may_mark_agent=False).initiator is USER
