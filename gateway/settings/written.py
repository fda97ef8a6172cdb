"""gateway.yaml as it was written, before its values are converted: entries, and where they stand.

What is not of the expected shape is passed over here: a value's own check names it. Judges
nothing; across.py does.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from gateway.settings.values import check_host
from runtime.document_rules import Problem, Where

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry of a list, and where it stands."""

    where: Where
    entry: Entry

    def text(self, name: str) -> str | None:
        """A field that holds text."""
        value = self.entry.get(name)
        return value if isinstance(value, str) else None

    def problem(self, name: str, text: str) -> Problem:
        """A problem of one of its fields."""
        return Problem((*self.where, name), text)


@dataclass(frozen=True, slots=True)
class Written:
    """The document's lists, as far as they are lists of mappings."""

    groups: Sequence[Placed]
    keys: Sequence[Placed]
    jwt: Placed
    """`auth.jwt`; empty where there is none."""
    private_hosts: frozenset[str]
    workers: int = 1
    store_url: str = ""
    database_url: str = ""

    @property
    def by_id(self) -> dict[str, Placed]:
        """The groups that have an id; of several with the same one, the first."""
        return {id_: each for each in reversed(self.groups) if (id_ := each.text("id"))}


def written(document: Entry) -> Written:
    """What the rules look at."""
    egress = document.get("egress")
    hosts = egress.get("private_hosts") if isinstance(egress, Mapping) else None
    return Written(
        entries_of(document.get("groups"), ("groups",)),
        entries_of(document.get("keys"), ("keys",)),
        _section(_of(document, "auth", "jwt"), ("auth", "jwt")),
        frozenset(_hosts(hosts)),
        _number(_of(document, "listen", "workers")),
        str(_of(document, "store", "url") or "memory://").lower(),
        str(_of(document, "usage", "database_url") or "sqlite:///usage.db").lower(),
    )


def _of(document: Entry, section: str, name: str) -> object:
    found = document.get(section)
    return found.get(name) if isinstance(found, Mapping) else None


def _section(value: object, where: Where) -> Placed:
    return Placed(where, value if isinstance(value, Mapping) else {})


def _number(value: object) -> int:
    """What the environment says comes as text."""
    try:
        return int(str(value))
    except ValueError:
        return 1


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()


def entries_of(value: object, where: Where) -> tuple[Placed, ...]:
    """The mappings of a list."""
    return tuple(
        Placed((*where, position), entry)
        for position, entry in enumerate(_list(value))
        if isinstance(entry, Mapping)
    )


def accounts_of(group: Placed) -> tuple[Placed, ...]:
    """A group's accounts."""
    return entries_of(group.entry.get("accounts"), (*group.where, "accounts"))


def platform_of(group: Placed) -> object:
    """A group's platform, whatever was written there."""
    return group.entry.get("platform", "copilot")


def _hosts(value: object) -> Iterator[str]:
    for each in _list(value):
        with suppress(ValueError):
            yield check_host(str(each))
