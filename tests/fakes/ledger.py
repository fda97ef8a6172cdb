"""The ledger as a list."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby

from gateway.domain.usage.record import CreditsSource, UsageRecord
from gateway.domain.usage.report import WORDS, Line, Question
from gateway.ports.usage import LedgerDown, Spending


class FakeLedger:
    """The Sums port over records that were added; with `is_down` it takes and answers nothing."""

    def __init__(self, *records: UsageRecord) -> None:
        self._records = {each.request_id: each for each in records}
        self.is_down = False
        self.asked: list[tuple[str, float, float]] = []

    async def add(self, records: Sequence[UsageRecord]) -> None:
        self._check()
        for record in records:
            self._records.setdefault(record.request_id, record)

    async def key_spending(self, key_id: str, since: float, until: float) -> Spending:
        self.asked.append((key_id, since, until))
        return _spending([each for each in self._between(since, until) if each.key_id == key_id])

    async def group_spending(self, group_id: str, since: float, until: float) -> Spending:
        self.asked.append((group_id, since, until))
        found = self._between(since, until)
        return _spending([each for each in found if each.group_id == group_id])

    async def report(self, question: Question) -> Sequence[Line]:
        found = [
            each
            for each in self._between(question.since, question.until)
            if question.key_id in (None, each.key_id) and question.group_id in (None, each.group_id)
        ]

        def values(record: UsageRecord) -> tuple[str, ...]:
            return tuple(_value(record, word) for word in question.by)

        if not question.by:
            return [_line((), found)]
        lines = groupby(sorted(found, key=values), key=values)
        return [_line(common, list(records)) for common, records in lines]

    def _between(self, since: float, until: float) -> list[UsageRecord]:
        self._check()
        return [each for each in self._records.values() if since <= each.time < until]

    def _check(self) -> None:
        if self.is_down:
            raise LedgerDown


def _spending(records: Sequence[UsageRecord]) -> Spending:
    return Spending(
        requests=sum(each.is_counted for each in records),
        tokens=sum(each.input_tokens + each.output_tokens for each in records),
        nano_aiu=sum(each.nano_aiu or 0 for each in records),
    )


def _value(record: UsageRecord, word: str) -> str:
    field, characters = WORDS[word]
    value = getattr(record, field)
    return value if characters is None else f"{datetime.fromtimestamp(value, UTC)}"[:characters]


def _line(values: tuple[str, ...], records: Sequence[UsageRecord]) -> Line:
    by_catalogue = [
        each for each in records if each.credits_source == CreditsSource.CATALOGUE.value
    ]
    return Line(
        values,
        requests=len(records),
        partial=sum(each.is_partial for each in records),
        input_tokens=sum(each.input_tokens for each in records),
        cached_tokens=sum(each.cached_tokens for each in records),
        cache_write_tokens=sum(each.cache_write_tokens for each in records),
        output_tokens=sum(each.output_tokens for each in records),
        reasoning_tokens=sum(each.reasoning_tokens for each in records),
        nano_aiu=sum(each.nano_aiu or 0 for each in records),
        estimated_nano_aiu=sum(each.nano_aiu or 0 for each in by_catalogue),
        premium_requests=sum(
            each.premium_multiplier or 0.0 for each in records if each.initiator == "user"
        ),
    )
