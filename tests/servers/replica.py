"""Replicas of a service as processes with lives: started, killed, paused, asked."""

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import httpx
import yaml

from tests.servers.process import ROOT, ServiceProcess, clean_environment


class ReplicaProcess:
    """`python -m SERVICE` with a configuration of its own; it may have several lives."""

    def __init__(
        self,
        service: str,
        file: Path,
        document: Mapping[str, Any],
        ops_url: str,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._service = service
        self.file = file
        self.ops_url = ops_url
        self._environment = environment or {}
        self.configure(document)
        self.process = self._new()
        self._former: list[ServiceProcess] = []

    def configure(self, document: Mapping[str, Any]) -> None:
        """Write its configuration file anew; a process that runs sees it change."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(yaml.safe_dump(dict(document)))
        fresh.replace(self.file)
        self.document = document

    def start(self) -> Self:
        """Start, or start again after `kill` or `terminate`."""
        if self.process.process is not None:
            self._former.append(self.process)
            self.process = self._new()
        self.process.start()
        return self

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()

    def terminate(self) -> int:
        """End it in order."""
        return self.process.terminate()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, and wait for nothing."""
        assert self.process.process is not None
        self.process.process.send_signal(number)

    def pause(self) -> None:
        """It stops in the middle of whatever it does."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on, and has not noticed."""
        self.signal(signal.SIGCONT)

    @property
    def is_alive(self) -> bool:
        """Whether its process runs."""
        return self.process.process is not None and self.process.process.poll() is None

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples with these labels; 0 when there are none."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        total = 0.0
        for line in self.metrics().splitlines():
            series, _, value = line.rpartition(" ")
            if series.partition("{")[0] == name and all(pair in series for pair in wanted):
                total += float(value)
        return total

    def metrics(self) -> str:
        """What a scrape sees."""
        return httpx.get(f"{self.ops_url}/metrics", trust_env=False).text

    def checked(self) -> str:
        """What `--check` prints of its configuration."""
        command = [sys.executable, "-m", self._service, "--config", str(self.file), "--check"]
        done = subprocess.run(
            command, cwd=ROOT, env=clean_environment(), capture_output=True, timeout=30, check=True
        )
        return (done.stdout + done.stderr).decode()

    def stop(self) -> None:
        """End it, whatever state it is in."""
        if self.is_alive:
            self.resume()
        for process in (*self._former, self.process):
            process.__exit__(None, None, None)

    def output(self) -> str:
        """What it wrote so far, in all its lives."""
        return "".join(process.output() for process in (*self._former, self.process))

    def _new(self) -> ServiceProcess:
        return ServiceProcess(
            [self._service, "--config", str(self.file)],
            f"{self.ops_url}/readyz",
            self._environment,
        )


_Replica = TypeVar("_Replica", bound=ReplicaProcess)


class Replicas(Generic[_Replica]):
    """Some of one service; started side by side and stopped with the block."""

    def __init__(self, replicas: Sequence[_Replica]) -> None:
        self.replicas = list(replicas)
        self._stack = ExitStack()

    def join(self, replica: _Replica) -> _Replica:
        """One more, not started; stopped with the others."""
        self.replicas.append(replica)
        self._stack.callback(replica.stop)
        return replica

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            for replica in self.replicas:
                # Whichever process of the replica is there at the end is the one to stop.
                starting.callback(replica.stop)
            with ThreadPoolExecutor(len(self.replicas)) as starters:
                for started in [starters.submit(replica.start) for replica in self.replicas]:
                    started.result()
            self._stack = starting.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()
