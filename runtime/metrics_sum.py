"""One scrape made of several: the metrics of a service's worker processes, added up.

Reads and writes Prometheus' text format line by line; all workers run the same program, so a
series has the same text in each of them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client.utils import floatToGoString

Join = Callable[[Sequence[float]], float]
CREATED = "_created"
GROWING = ("counter", "histogram", "summary")


@dataclass(slots=True)
class _Family:
    """What a scrape says under one `# TYPE`."""

    head: tuple[str, ...] = ()
    samples: dict[str, list[float]] = field(default_factory=dict)


def summed(scrapes: Iterable[str], joins: Mapping[str, Join]) -> bytes:
    """All series of all scrapes, each joined over those that have it.

    joins: by a sample's name, for what is not to be added up: whether something is up, say. When
    something was created is when it first was.
    """
    families: dict[str, _Family] = {}
    for scrape in scrapes:
        _read(scrape, families)
    lines: list[str] = []
    for family in families.values():
        lines += family.head
        for series, values in family.samples.items():
            joined = _join_of(series, joins)(values)
            lines.append(f"{series} {floatToGoString(joined)}")  # type: ignore[no-untyped-call]
    return ("\n".join(lines) + "\n").encode() if lines else b""


def growing(scrape: str) -> str:
    """The part of a scrape that only ever grows: counters and histograms, without gauges."""
    families: dict[str, _Family] = {}
    _read(scrape, families)
    lines = [
        line
        for kind, family in families.items()
        if kind.rpartition(" ")[2] in GROWING
        for line in (
            *family.head,
            *(f"{name} {values[0]}" for name, values in family.samples.items()),
        )
    ]
    return "".join(f"{line}\n" for line in lines)


def _read(scrape: str, families: dict[str, _Family]) -> None:
    family = _Family()
    head: list[str] = []
    for line in scrape.splitlines():
        if line.startswith("# TYPE "):
            family = families.setdefault(line, _Family())
            family.head = (*head, line)
            head = []
        elif line.startswith("#"):
            head = [line]
        elif line:
            series, _, value = line.rpartition(" ")
            family.samples.setdefault(series, []).append(float(value))


def _join_of(series: str, joins: Mapping[str, Join]) -> Join:
    name = series.partition("{")[0]
    return joins.get(name, min if name.endswith(CREATED) else sum)
