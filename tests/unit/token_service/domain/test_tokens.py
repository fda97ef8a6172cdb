"""Tokens as values."""

from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.token_source import grant
from tests.fakes.token_store import token_of
from token_service.domain.tokens import AccountId, next_generation


def test_a_tokens_value_is_never_shown() -> None:
    secret = grant(value="tid=secret")

    assert "secret" not in repr(secret)
    assert "secret" not in repr(token_of(AccountId("a"), secret, 1, 0.0, 1.0))


@given(
    st.integers(min_value=0, max_value=2**52),
    st.floats(min_value=0, max_value=5e9),
    st.integers(min_value=0, max_value=1023),
)
def test_generations_increase(known: int, wall: float, stride: int) -> None:
    """Also when the machine's clock was set back."""
    number = next_generation(known, wall, stride)

    assert number > known
    assert number < 2**53


def test_a_restarted_process_starts_above_its_last_life() -> None:
    """It knows no generation, but a millisecond later is enough."""
    before = next_generation(0, 1_795_000_000.000, 1023)

    assert next_generation(0, 1_795_000_000.002, 0) > before
