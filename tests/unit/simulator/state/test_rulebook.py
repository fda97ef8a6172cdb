"""Which rule applies to which request, and how often."""

from collections.abc import Mapping

import pytest

from simulator.scenario.faults import Endpoint, Fault
from simulator.state.rulebook import Asked, Rulebook

CHAT = Asked(Endpoint.CHAT, "octocat", "gpt-4o", stream=True, initiator="user")


def applied(rule: Mapping[str, object], requests: int) -> list[int]:
    """Which of so many equal requests a rule applies to, the first being 1."""
    book = Rulebook((Fault.model_validate(rule),))
    return [number for number in range(1, requests + 1) if book.choose(CHAT)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"times": 2}, [1, 2]),
        ({"after": 3}, [4, 5]),
        ({"after": 1, "times": 2}, [2, 3]),
        ({"nth": 4}, [4]),
    ],
)
def test_counts(rule: dict[str, object], expected: list[int]) -> None:
    assert applied(rule, 5) == expected


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        ({}, True),
        ({"endpoint": "chat"}, True),
        ({"endpoint": "exchange"}, False),
        ({"endpoint": ["messages", "chat"]}, True),
        ({"endpoint": ["messages", "responses"]}, False),
        ({"account": "octocat", "model": "gpt-4o"}, True),
        ({"account": "octocat", "model": "gpt-4.1"}, False),
        ({"stream": True}, True),
        ({"stream": False}, False),
        ({"initiator": "agent"}, False),
    ],
)
def test_matching(match: dict[str, object], fits: bool) -> None:
    assert bool(applied({"match": match}, 1)) is fits


def test_first_due_rule_applies_and_all_count() -> None:
    """So that `nth` means the n-th request, whatever other rules did."""
    book = Rulebook((Fault(name="first", times=1), Fault(name="second", nth=2)))
    assert [chosen.fault.name if (chosen := book.choose(CHAT)) else None for _ in range(3)] == [
        "first",
        "second",
        None,
    ]


def test_only_one_rule_applies_to_a_request() -> None:
    book = Rulebook((Fault(name="first"), Fault(name="second")))
    assert [each.fault.name for _ in range(2) if (each := book.choose(CHAT))] == ["first", "first"]
    assert [rule.applied for rule in book.rules] == [2, 0]


def test_rules_are_removed_by_name() -> None:
    book = Rulebook((Fault(name="a"), Fault(name="b"), Fault()))
    assert book.remove("a") == 1
    assert book.remove(None) == 2


def test_rules_are_bounded() -> None:
    book = Rulebook(())
    with pytest.raises(ValueError, match="more than"):
        book.add((Fault(),) * 10_001)


def test_probability_is_the_share_that_it_says_and_always_the_same_one() -> None:
    rule = {"probability": 0.1}
    chosen = applied(rule, 5_000)
    assert 400 < len(chosen) < 600
    assert chosen == applied(rule, 5_000)
    assert applied({"probability": 0}, 100) == []
    assert applied({"probability": 1}, 3) == [1, 2, 3]
    assert applied({"probability": 1, "after": 1, "times": 1}, 3) == [2]


def test_another_seed_and_another_rule_draw_otherwise() -> None:
    fault = Fault(probability=0.5)

    def pattern(seed: int, number: int) -> list[bool]:
        book = Rulebook((Fault(nth=1_000),) * number + (fault,), seed)
        return [bool(book.choose(CHAT)) for _ in range(64)]

    patterns = [pattern(1, 0), pattern(2, 0), pattern(1, 1)]
    assert patterns[0] == pattern(1, 0)
    assert patterns[0] != patterns[1] != patterns[2] != patterns[0]


def test_what_one_rule_lets_pass_another_may_take() -> None:
    book = Rulebook((Fault(name="rare", probability=0), Fault(name="always")))
    chosen = book.choose(CHAT)
    assert chosen is not None
    assert chosen.fault.name == "always"


def test_every_request_has_luck_of_its_own() -> None:
    book = Rulebook((Fault.model_validate({"random_stream_faults": {}}),))
    lucks = {chosen.luck for _ in range(100) if (chosen := book.choose(CHAT))}
    assert len(lucks) == 100
