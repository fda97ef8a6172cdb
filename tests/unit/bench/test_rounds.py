from bench.rounds import Round, figure_of


def a_round(cpu: float, busy: float, counts: bool = True) -> Round:
    return Round(cpu, busy, counts, per_second=1000.0, p50=10.0, p99=20.0)


def test_the_figure_is_the_median_of_the_rounds_that_count() -> None:
    figure = figure_of(
        [a_round(10, 1.0), a_round(90, 0.5, counts=False), a_round(30, 0.98), a_round(11, 0.97)]
    )
    assert (figure.cpu, figure.cpu_from, figure.cpu_to) == (11, 10, 30)
    assert (figure.rounds, figure.uncounted, figure.is_saturated) == (3, 1, True)


def test_without_a_round_that_counts_the_figure_says_so() -> None:
    figure = figure_of([a_round(10, 0.5, counts=False), a_round(20, 0.6, counts=False)])
    assert (figure.cpu, figure.rounds, figure.uncounted) == (15, 2, 2)
    assert not figure.is_saturated


def test_latency_added_to_chunks_is_left_out_where_there_are_none() -> None:
    assert figure_of([a_round(10, 1.0)]).added_p99 is None
