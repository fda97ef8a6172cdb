"""What chance does to streams: always the same, at all places, and always something possible."""

from collections import Counter
from collections.abc import Iterable

import pytest

from simulator.faults.luck import settled
from simulator.faults.plan import Ending, faulty_plan
from simulator.scenario.faults import Fault, RandomKind
from simulator.wire.answer import DONE, EVENTS, JSON, Answer, Dialect, Event

EVENTS_SENT = [Event(b'{"n":%d}' % number) for number in range(20)] + [Event(DONE)]
SEEDS = range(400)


def answer() -> Answer:
    return Answer(200, EVENTS, events=iter(EVENTS_SENT), dialect=Dialect.CHAT)


def drawn(seed: int, **knobs: object) -> tuple[RandomKind | None, Fault]:
    fault = Fault.model_validate({"random_stream_faults": knobs})
    made = settled(fault, answer(), seed)
    return made.kind, made.fault


def faults_of(kind: str) -> Iterable[Fault]:
    return (drawn(seed, kinds=[kind], stall_seconds=3)[1] for seed in SEEDS)


def test_the_same_seed_draws_the_same() -> None:
    assert [drawn(seed) for seed in SEEDS] == [drawn(seed) for seed in SEEDS]


def test_every_kind_is_drawn_about_as_often() -> None:
    counts = Counter(drawn(seed)[0] for seed in range(1800))
    assert set(counts) == set(RandomKind)
    assert all(140 < count < 260 for count in counts.values())


def test_only_the_kinds_that_are_wanted() -> None:
    kinds = {drawn(seed, kinds=["cut", "crlf"])[0] for seed in SEEDS}
    assert kinds == {RandomKind.CUT, RandomKind.CRLF}


@pytest.mark.parametrize("how", ["reset", "cut", "finish"])
def test_ends_are_at_boundaries_in_events_and_before_headers(how: str) -> None:
    ends = [fault.end for fault in faults_of(how) if fault.end]
    assert len(ends) == len(SEEDS)
    assert {end.how for end in ends} == {how}
    at_boundaries = {end.after_events for end in ends} - {None}
    assert at_boundaries == set(range(len(EVENTS_SENT)))
    assert sum(end.after_bytes is not None for end in ends) > 100
    assert any(end.before_headers for end in ends) is (how != "finish")


def test_silences_are_as_long_as_the_rule_says() -> None:
    stalls = [fault.stall for fault in faults_of("stall") if fault.stall]
    assert len(stalls) == len(SEEDS)
    assert {stall.seconds for stall in stalls} == {3}


def test_errors_come_after_any_event_in_both_forms() -> None:
    errors = [fault.error_event for fault in faults_of("error_event") if fault.error_event]
    assert {error.after_events for error in errors} == set(range(len(EVENTS_SENT)))
    assert {error.as_failed for error in errors} == {True, False}


@pytest.mark.parametrize("kind", list(RandomKind))
def test_what_is_drawn_is_a_plan(kind: RandomKind) -> None:
    """A stream that ends as planned has sent no more than the plain one, or an error."""
    plain = b"".join(b"data: %b\n\n" % event.data for event in EVENTS_SENT)
    endings = {"reset": Ending.RESET, "cut": Ending.CUT}
    for seed in range(50):
        fault = Fault.model_validate({"random_stream_faults": {"kinds": [kind]}})
        made = settled(fault, answer(), seed)
        plan = faulty_plan(made.answer, made.fault, gzip=False)
        sent = b"".join(step.data for step in plan.steps).replace(b"\r\n", b"\n")
        assert plan.ending is endings.get(kind, Ending.FINISH)
        assert plain.startswith(sent) or b'data: {"error":' in sent


def test_whole_answers_are_left_alone() -> None:
    whole = Answer(200, JSON, b"{}")
    made = settled(Fault.model_validate({"random_stream_faults": {}}), whole, 1)
    assert (made.kind, made.answer, made.fault) == (None, whole, Fault())
