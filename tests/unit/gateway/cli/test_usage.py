"""`usage` and `migrate` on ledgers that answer, and on those that do not."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from gateway.cli.migrate import print_migration
from gateway.cli.usage import print_usage
from gateway.domain.usage.report import Line, Question, TooManyLines
from gateway.domain.usage.schema import Schema
from gateway.ports.usage import LedgerDown, Spending

pytestmark = pytest.mark.anyio

QUESTION = Question(0.0, 1.0, ("key",))


@dataclass
class ScriptedLedger:
    """Answers what it is told to, or fails."""

    lines: Sequence[Line] = ()
    schema: Schema = Schema.CURRENT
    removed: int | None = 0
    error: Exception | None = None
    before: float = 0.0

    async def key_spending(self, key_id: str, since: float, until: float) -> Spending:
        return Spending()

    async def group_spending(self, group_id: str, since: float, until: float) -> Spending:
        return Spending()

    async def report(self, question: Question) -> Sequence[Line]:
        self._fail()
        return self.lines

    async def upgrade(self) -> Schema:
        self._fail()
        return self.schema

    async def remove_before(self, before: float) -> int | None:
        self.before = before
        return self.removed

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error


async def test_the_answer_is_printed_in_its_form(capsys: pytest.CaptureFixture[str]) -> None:
    ledger = ScriptedLedger([Line(("ci-bot",), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0.0)])

    assert await print_usage(ledger, QUESTION, "csv")
    assert capsys.readouterr().out.splitlines()[1].startswith("ci-bot,1,")


@pytest.mark.parametrize("error", [LedgerDown("ConnectionTimeout"), TooManyLines()])
async def test_no_answer_is_said_and_nothing_printed(
    capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    assert not await print_usage(ScriptedLedger(error=error), QUESTION, "table")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert str(error) in printed.err


@pytest.mark.parametrize("schema", Schema)
async def test_what_was_done_is_said(capsys: pytest.CaptureFixture[str], schema: Schema) -> None:
    ledger = ScriptedLedger(schema=schema, removed=17)

    assert await print_migration(ledger, 5.0)
    first, second = capsys.readouterr().out.splitlines()
    assert "schema" in first
    assert second == "old records removed: 17"
    assert ledger.before == 5.0


async def test_another_ones_removal_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert await print_migration(ScriptedLedger(removed=None), 5.0)
    assert "a gateway is removing" in capsys.readouterr().out


async def test_a_ledger_that_is_down_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert not await print_migration(ScriptedLedger(error=LedgerDown("OperationalError")), 5.0)
    assert "OperationalError" in capsys.readouterr().err
