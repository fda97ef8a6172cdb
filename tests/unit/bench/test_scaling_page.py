"""The figures of docs/scaling.md: those of the newest full run."""

import json

from bench.chart import newest
from bench.scaling_page import PAGE, PLACE, filled

FIGURES = {"whole": {"gateway": {"cpu": 123.456}}, "slow": {"gateway": {"kib": 19.34}}}


def test_a_figure_is_written_as_its_place_says() -> None:
    page = (
        "| *7* <!-- bench: whole/gateway --> | — <!-- bench: whole/gateway 600/cpu --> |\n"
        "| *7* <!-- bench: slow/gateway 10*kib --> | *7* <!-- bench: slow/nginx kib --> |\n"
        "of `bench/results/old-all.json`"
    )
    assert filled(page, FIGURES, "bench/results/new-all.json") == (
        "| *123* <!-- bench: whole/gateway --> | *4.86* <!-- bench: whole/gateway 600/cpu --> |\n"
        "| *193* <!-- bench: slow/gateway 10*kib --> | — <!-- bench: slow/nginx kib --> |\n"
        "of `bench/results/new-all.json`"
    )


def test_the_page_has_the_figures_of_the_newest_full_run() -> None:
    run, page = newest(), PAGE.read_text()
    assert run is not None
    assert len(PLACE.findall(page)) > 20
    figures = json.loads(run.read_text())["figures"]
    assert filled(page, figures, f"bench/results/{run.name}") == page
