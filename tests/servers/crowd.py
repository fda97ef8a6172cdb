"""An upstream with many seats and a broker that knows them all, for tests to share.

Starting them costs more than most tests do. Each test has gateways of its own, and leaves rules
and ledger of the upstream empty; a seat's token outlives the test.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.servers.gateway_fleet import GROUP, Broker
from tests.servers.simulator import Simulator

SEATS = 200


def seat(number: int) -> str:
    """The id of an account, and its login upstream; numbers from 1."""
    return f"seat-{number}"


def team(numbers: Iterable[int], group: str = GROUP, **more: Any) -> dict[str, Any]:
    """A group of these seats."""
    return {"id": group, "accounts": [{"id": seat(number)} for number in numbers], **more}


@dataclass(frozen=True)
class Crowd:
    """The two processes."""

    upstream: Simulator
    broker: Broker


@contextmanager
def crowded(directory: Path) -> Iterator[Crowd]:
    """Start both; upstream answers at once and without pauses."""
    scenario = directory / "scenario.yaml"
    scenario.write_text(
        yaml.safe_dump({"crowd": {"count": SEATS}, "chat": {"chunk_delay_seconds": 0}})
    )
    seats = {seat(n): f"ghu_simulated_seat_{n}" for n in range(1, SEATS + 1)}
    with Simulator(scenario) as upstream:
        # What it asks by itself would be counted as somebody's request.
        settings = {"quotas": {"poll_minutes": 0}}
        with Broker(directory, upstream.base_url, seats, settings=settings) as broker:
            yield Crowd(upstream, broker)
