"""The configuration as runtime.reload takes it: read as a whole, compared, reported.

What becomes of a new snapshot is up to whoever takes it over. A setting that only a restart
can change keeps its value, and its name is reported.
"""

from collections.abc import Iterator
from pathlib import Path

from runtime.rereading import Rereading
from token_service.domain.tokens import changes
from token_service.ports.configuration import ConfigurationEvents
from token_service.settings.snapshot import RELOADED, Snapshot, files_of, read_snapshot


class Configuration(Rereading[Snapshot, ConfigurationEvents]):
    """The document at `path`, in a service that was started with `started_with`."""

    reloadable = RELOADED

    def read(self) -> Snapshot:
        return read_snapshot(self.path, self.started_with.settings)

    def files_of(self, snapshot: Snapshot) -> Iterator[Path]:
        return files_of(snapshot)

    def report(self, before: Snapshot, now: Snapshot) -> None:
        found = changes(before.accounts, now.accounts)
        self.events.reloaded(found, [account.id for account in now.accounts])
