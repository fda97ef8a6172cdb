"""The configuration as runtime.reload takes it: read as a whole, compared, reported.

What becomes of a new snapshot is up to whoever takes it over. A setting that only a restart
can change keeps its value, and its name is reported.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from token_service.domain.tokens import changes
from token_service.ports import ConfigurationEvents
from token_service.settings.snapshot import Snapshot, files_of, read_snapshot, restart_needed


class Configuration:
    """The document at `path`, in a service that was started with `started_with`."""

    def __init__(
        self,
        path: Path,
        started_with: Snapshot,
        take_over: Callable[[Snapshot], None],
        events: ConfigurationEvents,
    ) -> None:
        self._path = path
        self._started_with = started_with
        self._in_force = started_with
        self._take_over = take_over
        self._events = events

    def read(self) -> Snapshot:
        return read_snapshot(self._path, self._started_with.settings)

    def files(self, snapshot: Snapshot) -> Iterator[Path]:
        yield self._path
        yield from files_of(snapshot)

    def apply(self, snapshot: Snapshot) -> None:
        found = changes(self._in_force.accounts, snapshot.accounts)
        self._take_over(snapshot)
        self._in_force = snapshot
        self._events.reloaded(found, [account.id for account in snapshot.accounts])
        waiting = restart_needed(self._started_with.settings, snapshot.settings)
        if waiting:
            self._events.restart_needed(waiting)

    def refused(self, problems: tuple[str, ...]) -> None:
        self._events.reload_refused(problems)

    def crashed(self, error: Exception) -> None:
        self._events.reload_crashed(error)
