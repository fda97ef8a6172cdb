from tests.servers.cluster.probes import Opinion


def heard(opinion: Opinion, answers: str) -> str:
    """What is thought after each answer; `+` is yes."""
    thought = []
    for answer in answers:
        opinion.hear(answer == "+")
        thought.append("+" if opinion.is_good else "-")
    return "".join(thought)


def test_failures_count_only_in_a_row() -> None:
    assert heard(Opinion(failures=3, successes=1, is_good=True), "--+---+") == "+++++-+"


def test_as_many_successes_in_a_row_are_asked_for() -> None:
    assert heard(Opinion(failures=1, successes=2, is_good=False), "+-++-") == "---+-"


def test_what_was_heard_before_a_change_of_mind_does_not_count_after_it() -> None:
    assert heard(Opinion(failures=2, successes=2, is_good=True), "--+-++") == "+----+"


def test_a_change_of_mind_is_told_once() -> None:
    opinion = Opinion(failures=2, successes=1, is_good=True)
    assert [opinion.hear(False) for _ in range(4)] == [False, True, False, False]
