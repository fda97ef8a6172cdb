"""How many requests ran at the same time."""

from simulator.state.ledger import Entry
from simulator.state.overlap import most_at_once


def entry(opened: float, closed: float | None, marker: str | None = "m") -> Entry:
    made = Entry(1, 0.0, opened, "chat", "POST", "/", "main", "h", ())
    made.closed, made.marker, made.account = closed, marker, "a"
    return made


def test_the_most_that_were_open_together() -> None:
    entries = [entry(0, 10), entry(1, 3), entry(2, 4), entry(3.5, 5)]
    assert most_at_once(entries, "account") == {"a": 3}


def test_what_ends_when_another_begins_is_over() -> None:
    assert most_at_once([entry(0, 1), entry(1, 2)], "account") == {"a": 1}


def test_what_is_open_has_no_end() -> None:
    assert most_at_once([entry(0, None), entry(100, None)], "account") == {"a": 2}


def test_each_value_is_counted_for_itself() -> None:
    entries = [entry(0, 9, "x"), entry(1, 9, "y"), entry(2, 9, "y"), entry(3, 9, None)]
    assert most_at_once(entries, "marker") == {"x": 1, "y": 2}
