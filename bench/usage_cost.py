"""What a usage record costs in the path of a request: CPU time, on one thread, disk included.

Everything that a metered request does and one without a record would not: reading the usage from
the events that carry it, three lines of the journal on a real file, the record, its metrics. The
gateway's own classes; nothing is left out but the budgets, which a key without one does not pay.
Beside it stands what the two writes of the same size cost alone, in turns with the rest.

    python -m bench.usage_cost [--rounds N] [--requests N] [--most MICROSECONDS]
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gateway.adapters.budget_counters import MemoryBudgets
from gateway.adapters.event_log import LoggedEvents
from gateway.adapters.journal.writer import FileJournal
from gateway.adapters.prometheus import PrometheusEvents
from gateway.budgets import Budgets
from gateway.domain.initiator import Initiator, Rule, Verdict
from gateway.domain.protocols import Protocol
from gateway.domain.usage.reading import Meter
from gateway.domain.usage.record import Outcome
from gateway.domain.usage.report import Line, Question
from gateway.metering import Metering
from gateway.ports.exchange import Exchange
from gateway.ports.usage import LedgerDown, Spending
from runtime.clock import SystemClock

MOST_MICROSECONDS = 15.0
LAST_EVENT = (
    b'{"choices":[],"created":1795350000,"id":"chatcmpl-AAA","model":"gpt-4o-mini-2024-07-18",'
    b'"object":"chat.completion.chunk","usage":{"completion_tokens":88,"completion_tokens_details":'
    b'{"accepted_prediction_tokens":0,"audio_tokens":0,"reasoning_tokens":12,'
    b'"rejected_prediction_tokens":0},"prompt_tokens":547,"prompt_tokens_details":{"audio_tokens":0,'
    b'"cached_tokens":128},"total_tokens":635},"copilot_usage":{"token_details":['
    b'{"token_type":"input","token_count":419,"cost_per_batch":15000000000,"batch_size":1000000},'
    b'{"token_type":"output","token_count":88,"cost_per_batch":60000000000,"batch_size":1000000}],'
    b'"total_nano_aiu":11565000}}'
)
VERDICT = Verdict(Initiator.USER, next(iter(Rule)))


class NoLedger:
    """Is never asked: no key here has a budget."""

    async def key_spending(self, key_id: str, since: float, until: float) -> Spending:
        """See ports.Sums."""
        raise LedgerDown("not here")

    group_spending = key_spending

    async def report(self, question: Question) -> Sequence[Line]:
        """See ports.Sums."""
        raise LedgerDown("not here")


def exchange() -> Exchange:
    """A request as it is when its key was accepted."""
    return Exchange(
        str(uuid.uuid4()),
        "/v1/chat/completions",
        time.monotonic(),
        key="ci-bot",
        group="engineering",
        platform="copilot",
    )


def judged(request: Exchange) -> None:
    """What other parts of the gateway find out on the way."""
    request.model = request.served_model = "gpt-4o-mini"
    request.account, request.served_by = "seat-1", "engineering"
    request.verdict, request.stream, request.is_listed = VERDICT, True, True
    request.first_byte_seconds = 0.4


def metered(metering: Metering, request: Exchange) -> None:
    """What is paid for a record."""
    metering.begin(request)
    judged(request)
    metering.send(request)
    meter = Meter(Protocol.CHAT)
    meter.note(LAST_EVENT)
    metering.end(request, Outcome.COMPLETE, meter.spent)


async def measure(directory: Path, rounds: int, requests: int) -> tuple[list[float], list[float]]:
    """Microseconds a request, round by round: with everything, and of the writes alone."""
    clock, events = SystemClock(), LoggedEvents(PrometheusEvents())
    journal = FileJournal(directory, 1 << 40, events.journal_trouble)
    budgets = Budgets(MemoryBudgets(clock), NoLedger(), clock, events)
    metering = Metering(journal, budgets, clock, events, events, refuses_when_full=True)
    written = journal.bytes
    metered(metering, exchange())
    size = (journal.bytes - written) // 2
    ours, writes = [], []
    for number in range(rounds):
        batch = [exchange() for _ in range(requests)]
        began = time.thread_time_ns()
        for request in batch:
            judged(request)
        idle = time.thread_time_ns() - began
        batch = [exchange() for _ in range(requests)]
        began = time.thread_time_ns()
        for request in batch:
            metered(metering, request)
        spent = time.thread_time_ns() - began - idle
        # The first round fills caches.
        if number:
            ours.append(spent / requests / 1000)
            writes.append(_writes_alone(directory, size, requests))
        await asyncio.sleep(0)
    journal.close(is_empty=True)
    return ours, writes


def _writes_alone(directory: Path, size: int, requests: int) -> float:
    line = b"x" * size
    descriptor = os.open(directory / "reference", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        began = time.thread_time_ns()
        for _ in range(2 * requests):
            os.write(descriptor, line)
        return (time.thread_time_ns() - began) / requests / 1000
    finally:
        os.close(descriptor)


def figure(directory: Path, rounds: int, requests: int = 2000) -> dict[str, Any]:
    """The same for `make bench`."""
    ours, writes = asyncio.run(measure(directory, rounds, requests))
    return {
        "cpu": round(statistics.median(ours), 2),
        "two_writes_cpu": round(statistics.median(writes), 2),
        "rounds": len(ours),
    }


def main(arguments: Sequence[str]) -> int:
    """Measure and say; 1 when it is above --most."""
    parser = argparse.ArgumentParser(prog="python -m bench.usage_cost", description=__doc__)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--requests", type=int, default=2000, help="in each round")
    parser.add_argument("--most", type=float, default=MOST_MICROSECONDS, help="that will do, in µs")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as directory:
        ours, writes = asyncio.run(measure(Path(directory), options.rounds, options.requests))
    middle = statistics.median(ours)
    print(f"CPU per request for its usage record, {len(ours)} rounds of {options.requests}")
    print(f"  all of it      {middle:7.1f} µs  (from {min(ours):.1f} to {max(ours):.1f})")
    print(f"  two writes     {statistics.median(writes):7.1f} µs  of it, measured alone")
    print(f"  at most        {options.most:7.1f} µs")
    return 0 if middle <= options.most else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
