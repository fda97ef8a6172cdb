"""CPU of the gateway beside that of a naive proxy, in one short run: it did not get twice as much.

No time is judged, only the ratio of two processes' CPU in turns, with generous slack: see
docs/performance.md for figures that were measured with care.
"""

import json
import shutil

import pytest

from bench.chart import newest
from bench.proxies import Stage
from bench.rounds import measure
from bench.scenarios import Scenario

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler, see make ci-tools"),
]
SLACK = 2.0
ROUNDS = 3
SECONDS = 0.5


@pytest.mark.parametrize(
    "scenario",
    [
        Scenario("whole", "", ("gateway", "naive"), connections=16, saturates=False),
        Scenario("fast", "", ("gateway", "naive"), "chunk", stream=True, saturates=False),
    ],
    ids=lambda scenario: scenario.name,
)
def test_the_cpu_of_a_request_is_about_what_was_recorded(scenario: Scenario) -> None:
    path = newest()
    if path is None:
        pytest.skip("no full run is recorded in bench/results")
    recorded = json.loads(path.read_text())["figures"][scenario.name]
    with Stage() as stage:
        figures = measure(stage, scenario, ROUNDS, SECONDS)
    ratio = figures["gateway"]["cpu"] / figures["naive"]["cpu"]
    assert ratio <= SLACK * recorded["gateway"]["cpu"] / recorded["naive"]["cpu"]
