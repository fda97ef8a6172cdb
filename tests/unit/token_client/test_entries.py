"""What is known of an account, and what a message or a complaint does to it."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.servers.scripted_broker import token
from token_client.calls import token_of
from token_client.entries import COMPLAINT_PAUSE_SECONDS, Entry
from token_client.errors import BrokerUnreachable, TokenRefused, TokenUnavailable
from token_client.token import Token

NOW = 1_000.0
REASON = "401"


def a_token(generation: int, life: float = 1800, at: float = NOW) -> Token:
    return token_of(token(generation, life, life / 2), at)


def holding(generation: int, life: float = 1800) -> Entry:
    entry = Entry()
    entry.answered(a_token(generation, life), NOW)
    return entry


def held(entry: Entry, now: float = NOW) -> str | None:
    found = entry.usable(now)
    return found.token_id if found else None


def wants_asking(entry: Entry, now: float) -> bool:
    found = entry.usable(now)
    assert found is not None
    return entry.wants_asking(found, now)


def test_a_newer_token_that_is_pushed_is_used_at_once() -> None:
    entry = holding(1)
    assert entry.pushed(a_token(2), NOW)
    assert held(entry) == "id-2"


def test_an_older_token_that_is_pushed_is_not() -> None:
    entry = holding(5)
    assert not entry.pushed(a_token(4), NOW)
    assert held(entry) == "id-5"


def test_any_living_token_takes_the_place_of_a_dead_one() -> None:
    entry = holding(5, life=10)
    assert entry.pushed(a_token(4, at=NOW + 10), NOW + 10)
    assert held(entry, NOW + 10) == "id-4"


def test_a_token_that_arrives_dead_is_nothing() -> None:
    entry = holding(1)
    assert not entry.pushed(a_token(2, life=0), NOW)
    assert held(entry) == "id-1"


def test_a_message_that_was_long_on_its_way_does_not_lengthen_a_life() -> None:
    """A stream's tokens are counted from their arrival, which may be late."""
    entry = holding(1, life=100)
    entry.pushed(a_token(1, life=100, at=NOW + 60), NOW + 60)
    assert held(entry, NOW + 99) == "id-1"
    assert held(entry, NOW + 100) is None


def test_a_push_ends_the_pause_after_a_failure() -> None:
    entry = Entry()
    entry.failed(TokenUnavailable("no", retry_after=60), NOW, 0.0)
    assert entry.refusal(NOW) is not None
    entry.pushed(a_token(1), NOW)
    assert (entry.refusal(NOW), held(entry)) == (None, "id-1")


def test_the_first_use_of_a_pushed_token_asks_for_it_once() -> None:
    """The broker renews what is asked for, so it has to hear of the use."""
    entry = holding(1)
    assert not wants_asking(entry, NOW)
    entry.pushed(a_token(2), NOW)
    assert wants_asking(entry, NOW)
    entry.answered(a_token(2), NOW)
    assert not wants_asking(entry, NOW)


def test_asking_waits_for_the_pause_after_a_failure() -> None:
    entry = Entry()
    entry.pushed(a_token(1), NOW)
    entry.failed(TokenUnavailable("no", retry_after=60), NOW, 0.0)
    assert not wants_asking(entry, NOW + 59)
    assert wants_asking(entry, NOW + 60)


def test_a_removed_account_is_asked_for_again_at_once() -> None:
    entry = holding(1)
    entry.failed(TokenUnavailable("no", retry_after=60), NOW, 0.0)
    entry.removed()
    assert (held(entry), entry.refusal(NOW)) == (None, None)


def test_a_refused_token_is_given_to_nobody_until_the_broker_has_spoken() -> None:
    entry = holding(1)
    assert entry.complain("id-1", REASON, NOW)
    assert held(entry) is None
    assert entry.refusal(NOW) is None


def test_a_late_complaint_changes_nothing() -> None:
    entry = holding(2)
    assert not entry.complain("id-1", REASON, NOW)
    assert held(entry) == "id-2"


def test_an_answer_to_a_call_from_before_the_complaint_does_not_settle_it() -> None:
    entry = holding(1)
    entry.complain("id-1", REASON, NOW)
    entry.answered(a_token(1), NOW)
    assert held(entry) is None
    assert entry.complaint is not None


def test_the_refused_token_does_not_come_back_by_the_stream() -> None:
    entry = holding(1)
    entry.complain("id-1", REASON, NOW)
    assert not entry.pushed(a_token(1), NOW)
    assert held(entry) is None


def test_a_newer_token_makes_the_complaint_needless() -> None:
    entry = holding(1)
    entry.complain("id-1", REASON, NOW)
    assert entry.pushed(a_token(2), NOW)
    assert entry.complaint is None
    assert held(entry) == "id-2"


def test_after_a_complaint_the_brokers_token_counts_whatever_its_number() -> None:
    """Replicas without a store count each for itself."""
    entry = holding(9)
    entry.complain("id-9", REASON, NOW)
    entry.told(entry.complaint)
    entry.answered(a_token(3), NOW)
    assert held(entry) == "id-3"


def test_a_token_the_broker_stands_by_is_used_on_and_not_complained_about_at_once() -> None:
    entry = holding(1)
    entry.complain("id-1", REASON, NOW)
    entry.told(entry.complaint)
    entry.answered(a_token(1), NOW)
    assert held(entry) == "id-1"
    assert not entry.complain("id-1", REASON, NOW + COMPLAINT_PAUSE_SECONDS - 0.1)
    assert entry.complain("id-1", REASON, NOW + COMPLAINT_PAUSE_SECONDS)


@pytest.mark.parametrize(
    ("error", "left"),
    [
        (BrokerUnreachable("gone"), "id-1"),
        (TokenUnavailable("no", reason="TOKEN_REJECTED_UPSTREAM", retry_after=60), None),
        (TokenRefused("no", reason="CREDENTIAL_REJECTED"), None),
    ],
)
def test_a_refused_token_is_used_again_only_if_nobody_can_say_better(
    error: TokenUnavailable | TokenRefused, left: str | None
) -> None:
    entry = holding(1)
    entry.complain("id-1", REASON, NOW)
    entry.told(entry.complaint)
    entry.failed(error, NOW, 0.0)
    assert held(entry) == left
    assert entry.refusal(NOW) is not None


def test_a_living_token_outlives_failures_without_a_complaint() -> None:
    """Invariant 3."""
    entry = holding(1)
    entry.failed(TokenRefused("no", reason="CREDENTIAL_REJECTED"), NOW, 0.0)
    assert held(entry) == "id-1"


def test_an_account_that_is_removed_and_back_does_not_bring_the_refused_token_along() -> None:
    entry = holding(1)
    entry.complain("id-1", REASON, NOW)
    entry.removed()
    entry.answered(a_token(1), NOW)
    assert held(entry) is None


EVENTS: dict[str, Callable[[Entry, Token, float], object]] = {
    "push": lambda entry, token, now: entry.pushed(token, now),
    "answer": lambda entry, token, now: entry.answered(token, now),
    "complain": lambda entry, token, now: entry.complain(token.token_id, REASON, now),
    "tell": lambda entry, token, now: entry.told(entry.complaint),
    "fail": lambda entry, token, now: entry.failed(TokenUnavailable("no"), now, 0.0),
    "unreachable": lambda entry, token, now: entry.failed(BrokerUnreachable("no"), now, 0.0),
    "remove": lambda entry, token, now: entry.removed(),
}


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(EVENTS)), st.integers(1, 4), st.floats(0, 400)),
        max_size=30,
    )
)
def test_no_order_of_events_gives_out_a_dead_or_a_doubted_token(
    events: list[tuple[str, int, float]],
) -> None:
    """Whatever happens: what is given out lives, and no complaint about it is pending."""
    entry, now = Entry(), NOW
    for event, number, seconds in events:
        now += seconds
        EVENTS[event](entry, a_token(number, life=1_000, at=now), now)
        found = entry.usable(now)
        if found is not None:
            assert now < found.lifetime.dead_at
            assert entry.complaint is None or entry.complaint.token_id != found.token_id
