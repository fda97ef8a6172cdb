"""`make run`: both services on this machine, watched until Ctrl-C. `--help` lists the options.

Starts every process by its public command and knows of it only that command, its configuration
file and its ready URL. What runs against what is decided in tools/plan.py.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

import yaml

from tools import invitation, options, ports
from tools.plan import (
    ACCOUNT,
    Plan,
    Refused,
    child_environment,
    gateway_document,
    overrides,
    plan,
    ports_used,
    token_service_document,
)
from tools.processes import POLL_SECONDS, Child, Command, start

ROOT = Path(__file__).resolve().parents[1]
READY_SECONDS = 30.0
KEY_SECONDS = 30.0
WATCH_SECONDS = 0.2


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Plan, check, start, watch, stop; the exit code, 0 if it was asked to stop."""
    signals = Signals()
    signals.install()
    try:
        what = plan(environ, options.parse(arguments))
        ports.check(ports_used(what))
    except Refused as error:
        say(f"error: {error}", sys.stderr)
        return 1
    say(what.notice)
    for name in overrides(environ):
        say(f"{name} is ignored: make run writes its own configuration.")
    with tempfile.TemporaryDirectory(prefix="copilot-gateway-") as directory:
        code = Supervisor(what, environ, Path(directory), signals).run()
    say("killed" if signals.urgent else "stopped")
    return 1 if signals.urgent else code


class Signals:
    """What was asked for by signal: to stop, and on a second Ctrl-C to stop at once."""

    def __init__(self) -> None:
        self.asked = False
        self.urgent = False

    def install(self) -> None:
        """From now on the signals that end a process only set these flags."""
        signal.signal(signal.SIGINT, self._receive)
        signal.signal(signal.SIGTERM, self._receive)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # else: started by nohup
            signal.signal(signal.SIGHUP, self._receive)

    def _receive(self, signum: int, frame: FrameType | None) -> None:
        # Only Ctrl-C is counted: make passes a SIGTERM on to us that we may have had already.
        self.urgent = self.asked and (self.urgent or signum == signal.SIGINT)
        self.asked = True


class Asked(Exception):
    """A signal asked us to stop."""


class Supervisor:
    """Starts the processes in order, watches them, and stops them in reverse."""

    def __init__(
        self, what: Plan, environ: Mapping[str, str], directory: Path, signals: Signals
    ) -> None:
        self._plan = what
        self._environ = environ
        self._child_environment = child_environment(environ)
        self._directory = directory
        self._signals = signals
        self._children: list[Child] = []

    def run(self) -> int:
        """Until a signal (0) or until something went wrong (1); leaves nothing running."""
        try:
            key = self._bring_up()
            say(invitation.text(self._plan, key, self._environ))
            while True:
                self._check()
                time.sleep(WATCH_SECONDS)
        except Asked:
            return 0
        except Refused as error:
            say(f"error: {error}", sys.stderr)
            return 1
        finally:
            self._stop()

    def _bring_up(self) -> str:
        """Everything started and ready; the caller's key."""
        key, digest = self._new_key()
        for command in self._commands(digest):
            say(f"starting {command.name} …")
            child = Child(command, say)
            self._children.append(child)
            self._await_ready(child)
            child.show()
        return key

    def _commands(self, key_digest: str) -> list[Command]:
        what = self._plan
        credential = self._write("credential", what.credential)
        broker = token_service_document(what, str(credential))
        broker_file = self._write("token-service.yaml", _yaml(broker))
        edge = gateway_document(what, key_digest, str(self._directory))
        edge_file = self._write("gateway.yaml", _yaml(edge))
        at = what.ports
        commands = [
            self._command(("token_service", "--config", str(broker_file)), at.token_service_ops),
            self._command(("gateway", "--config", str(edge_file)), at.gateway_ops),
        ]
        if what.starts_simulator:
            arguments = ("simulator", "--port", str(at.simulator))
            commands.insert(0, self._command(arguments, at.simulator, "/_ping"))
        return commands

    def _command(self, module: tuple[str, ...], port: int, path: str = "/readyz") -> Command:
        return Command(
            name=module[0],
            arguments=[sys.executable, "-m", *module],
            environment=self._child_environment,
            directory=ROOT,
            ready_port=port,
            ready_path=path,
        )

    def _new_key(self) -> tuple[str, str]:
        """A key made by the gateway's own command, and its SHA-256."""
        command = [sys.executable, "-m", "gateway", "keys", "new", "--id", ACCOUNT]
        process = start(command, self._child_environment, ROOT)
        try:
            output = process.communicate(timeout=KEY_SECONDS)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Refused("`gateway keys new` did not end in time") from None
        if process.returncode != 0:
            raise Refused(f"`gateway keys new` failed:\n{_indented(output.splitlines())}")
        found = dict(re.findall(r"^(key|sha256): +(\S+)$", output, re.MULTILINE))
        if found.keys() != {"key", "sha256"}:
            raise Refused("`gateway keys new` printed no key")
        return found["key"], found["sha256"]

    def _write(self, name: str, text: str) -> Path:
        """A file only this user can read, in a directory only this user can enter."""
        path = self._directory / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def _await_ready(self, child: Child) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not child.is_ready():
            self._check()
            if time.monotonic() > deadline:
                raise Refused(_report(child, f"was not ready after {READY_SECONDS:.0f} seconds"))
            time.sleep(POLL_SECONDS)
        self._check()

    def _check(self) -> None:
        """Raise Asked after a signal, Refused if a process has ended by itself."""
        if self._signals.asked:
            raise Asked
        for child in self._children:
            if child.exit_code is not None:
                raise Refused(_report(child, _ending(child.exit_code)))

    def _stop(self) -> None:
        alive = [child for child in reversed(self._children) if child.exit_code is None]
        if alive:
            say(f"stopping {', '.join(child.name for child in alive)} …")
        for child in alive:
            if not child.stop(lambda: self._signals.urgent):
                say(f"{child.name} took too long to stop and was killed")


def _report(child: Child, what: str) -> str:
    lines = child.last_lines()
    tail = f". Its last lines:\n{_indented(lines)}" if lines else ", and it wrote nothing"
    return f"{child.name} {what}{tail}"


def _ending(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


def _indented(lines: list[str]) -> str:
    return "\n".join(f"  {line}" for line in lines)


def _yaml(document: dict[str, Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False)


def say(text: str, stream: TextIO = sys.stdout) -> None:
    """A line for the person at the terminal, at once; a terminal that is gone stops nothing."""
    try:
        stream.write(text + "\n")
        stream.flush()
    except OSError:
        # What is still in the buffer would make the interpreter's end fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
