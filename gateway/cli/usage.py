"""`python -m gateway usage`: prints what was used, for the one who pays."""

import sys

from gateway.cli.usage_formats import FORMS
from gateway.domain.usage.report import Question, TooManyLines
from gateway.ports.usage import LedgerDown, Sums


async def print_usage(ledger: Sums, question: Question, form: str) -> bool:
    """Print the answer in one of usage_question.FORMATS; whether there was one.

    Else the reason is on standard error.
    """
    try:
        lines = await ledger.report(question)
    except LedgerDown as error:
        print(f"error: the usage ledger cannot be asked: {error}", file=sys.stderr)
        return False
    except TooManyLines as error:
        print(f"error: {error}", file=sys.stderr)
        return False
    print(FORMS[form](question.by, lines), end="")
    return True
