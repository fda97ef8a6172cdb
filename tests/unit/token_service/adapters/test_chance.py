"""The system's randomness."""

from token_service.adapters.chance import SystemChance


def test_fractions_are_in_their_range() -> None:
    assert all(0 <= SystemChance().fraction() < 1 for _ in range(100))


def test_identifiers_differ() -> None:
    assert len({SystemChance().token_id() for _ in range(100)}) == 100
