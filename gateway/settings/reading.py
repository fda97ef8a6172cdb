"""gateway.yaml as runtime.reload takes it: read as a whole, compared, reported.

What becomes of a new snapshot is up to whoever takes it over.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from gateway.settings.snapshot import RELOADED, Snapshot, files_of, read_snapshot
from runtime.rereading import ReloadEvents, Rereading


class ConfigurationEvents(ReloadEvents, Protocol):
    """What became of reading gateway.yaml again. None of these waits or raises."""

    def reloaded(self, changes: Sequence[str]) -> None:
        """It is in force; changes: the groups, accounts and keys that came, went or differ."""


class Configuration(Rereading[Snapshot, ConfigurationEvents]):
    """gateway.yaml, in a gateway that was started with `started_with`."""

    reloadable = RELOADED

    def read(self) -> Snapshot:
        return read_snapshot(self.path, self.started_with.settings)

    def files_of(self, snapshot: Snapshot) -> Iterator[Path]:
        return files_of(snapshot)

    def report(self, before: Snapshot, now: Snapshot) -> None:
        self.events.reloaded(list(changes(before, now)))


def changes(before: Snapshot, now: Snapshot) -> Iterator[str]:
    """The groups, accounts and keys that came, went or differ, by their ids; tokens' rules."""
    yield from _differing("group", before.groups, now.groups)
    yield from _differing("account", before.accounts, now.accounts)
    yield from _differing(
        "key",
        {key.id: key for key in before.keys.values()},
        {key.id: key for key in now.keys.values()},
    )
    if before.caller_rules != now.caller_rules:
        yield "the rules of auth.jwt"


def _differing(kind: str, old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[str]:
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield f"{kind} {name}"
