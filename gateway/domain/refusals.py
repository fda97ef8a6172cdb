"""An upstream answer that is no success, and what a row of a table may ask of it.

Knows no row: those are upstream_errors.py's and each platform's.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.domain.errors import Fault


@dataclass(frozen=True, slots=True)
class Refusal:
    """An upstream answer that is no success, as far as it was understood."""

    status: int
    code: str
    """Upstream's code without what stands behind a colon; empty when there is none."""
    message: str = field(repr=False)
    """The message of a JSON error, bounded; empty when there is none."""
    text: str = field(repr=False)
    """The whole body, for matching phrases; never passed on."""
    retry_after: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: which refusals, whose fault, what the caller reads and acts on."""

    matches: Callable[[Refusal], bool]
    fault: Fault
    message: str | None
    """None passes upstream's own message on."""
    code: str | None = None
    param: str | None = None


def by_status(*statuses: int) -> Callable[[Refusal], bool]:
    """Refusals with one of these statuses."""
    return lambda refusal: refusal.status in statuses


def by_code(status: int, *codes: str) -> Callable[[Refusal], bool]:
    """Refusals with this status and one of these codes."""
    return lambda refusal: refusal.status == status and refusal.code in codes


def by_phrase(status: int, *phrases: str) -> Callable[[Refusal], bool]:
    """Refusals with this status and one of these phrases anywhere in the body."""
    return lambda refusal: (
        refusal.status == status and any(phrase in refusal.text for phrase in phrases)
    )
