"""What is due when, without looking at all of it."""

from hypothesis import given
from hypothesis import strategies as st

from token_service.domain.agenda import Agenda


def test_keys_come_up_in_order_of_their_times() -> None:
    agenda: Agenda[str] = Agenda()
    for key, when in (("b", 2.0), ("a", 1.0), ("c", 3.0)):
        agenda.put(key, when)

    assert agenda.next() == 1.0
    assert [agenda.take(2.5), agenda.take(2.5), agenda.take(2.5)] == ["a", "b", None]
    assert agenda.take(3.0) == "c"
    assert agenda.next() is None


def test_a_key_has_one_time() -> None:
    agenda: Agenda[str] = Agenda()
    agenda.put("a", 1.0)
    agenda.put("a", 5.0)

    assert agenda.take(2.0) is None
    assert agenda.take(5.0) == "a"
    assert agenda.take(9.0) is None


def test_a_dropped_key_does_not_come_up() -> None:
    agenda: Agenda[str] = Agenda()
    agenda.put("a", 1.0)
    agenda.drop("a")
    agenda.drop("never")

    assert agenda.take(2.0) is None
    assert "a" not in agenda


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0, 100))))
def test_it_is_what_a_dictionary_would_be(changes: list[tuple[int, float]]) -> None:
    agenda: Agenda[int] = Agenda()
    for key, when in changes:
        agenda.put(key, when)
    taken = []
    while (key_due := agenda.take(100.0)) is not None:
        taken.append(key_due)

    assert sorted(taken) == sorted(dict(changes))
    assert taken == sorted(taken, key=lambda key: dict(changes)[key]) or len(
        set(dict(changes).values())
    ) < len(taken)


def test_its_size_follows_its_keys() -> None:
    """A key that is put off again and again leaves no more behind than there is room for."""
    agenda: Agenda[str] = Agenda()
    for when in range(10_000):
        agenda.put("a", float(when))

    assert len(agenda) <= 66
    assert agenda.take(9_999.0) == "a"
