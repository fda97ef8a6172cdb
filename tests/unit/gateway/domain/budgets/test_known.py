"""What a process knows of counters, what it has to tell, and how views are joined."""

import itertools
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.budgets import known as module
from gateway.domain.budgets.holder import Holder, HolderKind
from gateway.domain.budgets.known import Heard, Known, Unsent
from gateway.domain.budgets.period import Period, span_at
from gateway.domain.budgets.totals import GIVEN_BACK, NOTHING, TAKEN, Counter, Totals

NOW, DAY = 1_795_613_400.0, 86_400.0


def counter(name: str = "a", day: int = 0) -> Counter:
    return Counter(Holder(HolderKind.KEY, name), span_at(Period.DAY, NOW + day * DAY))


A, B = counter("a"), counter("b")
numbers = st.integers(0, 50)
totals = st.builds(Totals, numbers, numbers, numbers, numbers)


class TestTotals:
    """How views of a counter are joined."""

    @given(totals, totals, totals)
    def test_the_order_and_how_often_makes_no_difference(
        self, one: Totals, two: Totals, three: Totals
    ) -> None:
        assert one.joined(two) == two.joined(one)
        assert one.joined(two).joined(three) == one.joined(two.joined(three))
        assert one.joined(two).joined(two) == one.joined(two)

    @given(totals, totals)
    def test_a_seed_leaves_no_less_used_than_it_says_and_than_was_known(
        self, there: Totals, seed: Totals
    ) -> None:
        found = there.at_least(Totals(seed.requests, 0, seed.tokens, seed.nano_aiu))
        assert found.requests >= max(there.requests, seed.requests)
        assert found.tokens == max(there.tokens, seed.tokens)
        assert found.nano_aiu == max(there.nano_aiu, seed.nano_aiu)
        assert found.released == there.released

    def test_no_more_is_given_back_than_was_taken(self) -> None:
        assert Totals(1, released=3).requests == 0


class TestKnown:
    """One process."""

    def test_what_is_added_counts_at_once_and_once(self) -> None:
        known = Known()
        known.hear(A, Heard(Totals(5, 1, 10, 20), is_whole=True))
        known.add(A, Totals(1, 0, 2, 3), 0.0)
        assert known.totals(A) == Totals(6, 1, 12, 23)
        assert known.send(10) == {A: Unsent(Totals(1, 0, 2, 3), 0.0)}
        assert known.totals(A) == Totals(6, 1, 12, 23)
        assert not known.has_unsent
        known.add(A, TAKEN, 1.0)
        known.told([A])
        known.hear(A, Heard(Totals(9, 1, 12, 23), is_whole=True))
        assert known.totals(A) == Totals(10, 1, 12, 23)
        assert known.heard(A).totals == Totals(9, 1, 12, 23)
        assert known.send(10) == {A: Unsent(TAKEN, 1.0)}

    def test_what_is_told_together_is_as_old_as_its_first(self) -> None:
        known = Known()
        known.add(A, TAKEN, 1.0)
        known.add(A, TAKEN, 5.0)
        assert known.send(10) == {A: Unsent(Totals(2), 1.0)}

    def test_only_so_many_are_told_at_a_time_and_none_is_forgotten(self) -> None:
        known = Known()
        for name in "abc":
            known.add(counter(name), TAKEN, 0.0)
        assert list(known.send(2)) == [counter("a"), counter("b")]
        assert known.has_unsent
        assert list(known.send(2)) == [counter("c")]

    def test_a_counter_is_whole_when_somebody_says_so(self) -> None:
        known = Known()
        assert not known.is_whole(A)
        known.add(A, TAKEN, 0.0)
        assert not known.is_whole(A)
        known.hear(A, Heard(NOTHING, is_whole=False))
        assert not known.is_whole(A)
        known.hear(A, Heard(NOTHING, is_whole=True))
        assert known.is_whole(A)

    def test_a_view_from_before_takes_nothing_back(self) -> None:
        known = Known()
        known.hear(A, Heard(Totals(9), is_whole=True))
        known.hear(A, Heard(Totals(3), is_whole=True))
        assert known.totals(A) == Totals(9)

    def test_what_a_seed_says_may_hold_what_was_added_here(self) -> None:
        known = Known()
        known.add(A, Totals(8, 1, 30, 5), 0.0)
        known.seed(A, Totals(20, 0, 10, 50))
        assert known.totals(A) == Totals(21, 1, 30, 50)
        assert known.is_whole(A)
        assert known.send(1) == {A: Unsent(Totals(8, 1, 30, 5), 0.0)}

    def test_what_others_than_the_store_have_said_is_of_no_life_of_its(self) -> None:
        known = Known()
        known.hear(A, Heard(Totals(5), life="one"))
        known.seed(A, Totals(20))
        assert known.heard(A) == Heard(Totals(20), is_whole=True)

    def test_a_counter_is_found_by_its_name(self) -> None:
        known = Known()
        known.add(A, TAKEN, 0.0)
        assert known.named("key:a:2026-11-25") == A
        assert known.named("key:b:2026-11-25") is None

    def test_periods_long_ended_are_forgotten(self) -> None:
        known = Known()
        module_few = module.FEW
        for day in range(3 * module_few):
            known.add(counter("a", day), TAKEN, 0.0)
        assert len(list(known.all())) <= module_few
        assert known.totals(counter("a", 3 * module_few - 1)) == TAKEN
        assert len(known.send(10 * module_few)) <= module_few


MINUTE = 60.0


def minute(name: str, number: int = 0) -> Counter:
    span = span_at(Period.MINUTE, NOW + number * MINUTE)
    return Counter(Holder(HolderKind.KEY, name), span)


class TestMinutes:
    """Counters of rates, of which there may be one for each key in each minute."""

    def test_a_minute_is_whole_from_the_start(self) -> None:
        known = Known()
        assert known.is_whole(minute("a"))
        known.hear(minute("a"), Heard(TAKEN))
        assert known.is_whole(minute("a")), "whatever others say of it"

    def test_minutes_that_are_over_are_forgotten_as_new_ones_come(self) -> None:
        known = Known()
        keys = [str(number) for number in range(100)]
        for number in range(20):
            for name in keys:
                known.add(minute(name, number), TAKEN, 0.0)
            assert len(list(known.all())) <= 3 * len(keys)
        assert known.totals(minute("7", 19)) == TAKEN
        assert known.totals(minute("7", 18)) == TAKEN, "others' clocks may be behind"
        assert known.totals(minute("7", 16)) == NOTHING
        assert len(known.send(10_000)) <= 3 * len(keys)

    def test_budgets_are_not_forgotten_with_them(self) -> None:
        known = Known()
        known.add(A, TAKEN, 0.0)
        for number in range(50):
            known.add(minute("a", number), TAKEN, 0.0)
        assert known.totals(A) == TAKEN

    def test_a_minute_of_a_clock_that_was_wrong_is_in_nobodys_way(self) -> None:
        known = Known()
        known.add(minute("a", 60), TAKEN, 0.0)
        for number in range(50):
            known.add(minute("b", number), TAKEN, 0.0)
        assert len(list(known.all())) <= 3

    def test_what_is_heard_of_a_forgotten_minute_breaks_nothing(self) -> None:
        known = Known()
        known.add(minute("a"), TAKEN, 0.0)
        sent = known.send(10)
        for number in range(1, 9):
            known.add(minute("b", number), TAKEN, 0.0)
        known.told(sent)
        known.hear(minute("a"), Heard(TAKEN))
        assert known.totals(minute("a")) == TAKEN


class Store:
    """What lua/budgets.lua does with totals, for one counter."""

    def __init__(self) -> None:
        self._lives = itertools.count(1)
        self.empty()

    def empty(self) -> None:
        self.totals = self._new = NOTHING
        self._life = str(next(self._lives))
        self._told: dict[int, int] = {}

    def tell(self, who: int, number: int, heard: Heard, use: Totals) -> Heard:
        if self._told.get(who, 0) < number:
            self._told[who] = number
            is_of_former_life = heard.life not in ("", self._life)
            view = heard.totals + (self._new if is_of_former_life else NOTHING)
            self.totals = self.totals.joined(view) + use
            self._new += use
        return Heard(self.totals, True, self._life)


class Process:
    """Takes, settles, and tells; an answer may be lost."""

    def __init__(self, store: Store, who: int) -> None:
        self._store = store
        self._who = who
        self._number = 0
        self._unanswered: tuple[int, Totals] | None = None
        self.known = Known()

    def use(self, use: Totals) -> None:
        self.known.add(A, use, 0.0)

    def tell(self, is_answered: bool = True) -> None:
        if self._unanswered is None:
            unsent = self.known.send(1).get(A)
            self._number += 1
            self._unanswered = self._number, NOTHING if unsent is None else unsent.use
        number, use = self._unanswered
        heard = self._store.tell(self._who, number, self.known.heard(A), use)
        if is_answered:
            self._unanswered = None
            self.known.told([A])
            self.known.hear(A, heard)


PROCESSES = 3
steps = st.lists(
    st.tuples(
        st.integers(0, PROCESSES - 1), st.sampled_from(["take", "settle", "tell", "tell in vain"])
    ),
    max_size=40,
)


def fleet() -> tuple[Store, list[Process]]:
    store = Store()
    return store, [Process(store, who) for who in range(PROCESSES)]


def walk(processes: Sequence[Process], walked: list[tuple[int, str]]) -> Totals:
    """All that was used on the way."""
    truth = NOTHING
    for who, what in walked:
        process = processes[who]
        if what.startswith("tell"):
            process.tell(is_answered=what == "tell")
            continue
        use = TAKEN if what == "take" else GIVEN_BACK + Totals(tokens=7, nano_aiu=3)
        process.use(use)
        truth += use
    return truth


def all_tell(processes: Sequence[Process]) -> None:
    """What was not answered first, then what is new, then nothing but to hear of the others."""
    for _ in range(3):
        for process in processes:
            process.tell()


class TestHealing:
    """Several processes, and a store that is emptied."""

    @given(steps)
    def test_nothing_is_lost_and_nothing_counts_twice(self, walked: list[tuple[int, str]]) -> None:
        store, processes = fleet()
        truth = walk(processes, walked)
        all_tell(processes)
        assert store.totals == truth

    @given(steps, steps)
    def test_a_store_that_was_emptied_is_told_all_whoever_is_first_and_whatever_is_used(
        self, before: list[tuple[int, str]], after: list[tuple[int, str]]
    ) -> None:
        """Only whoever told last knows all of it, and may be the last to say so."""
        store, processes = fleet()
        truth = walk(processes, before)
        for process in processes:
            process.tell()
            process.tell()
        store.empty()
        truth += walk(processes, after)
        all_tell(processes)
        assert store.totals == truth
        assert all(process.known.totals(A) == truth for process in processes)

    @given(st.lists(steps, max_size=4))
    def test_emptied_in_the_middle_of_everything_it_never_knows_too_much_of_what_was_answered(
        self, walks: list[list[tuple[int, str]]]
    ) -> None:
        store, processes = fleet()
        truth = NOTHING
        for walked in walks:
            truth += walk(processes, [(who, what) for who, what in walked if "vain" not in what])
            store.empty()
        all_tell(processes)
        assert store.totals.joined(truth) == truth
