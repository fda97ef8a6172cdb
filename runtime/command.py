"""What every `python -m SERVICE` has in common: its settings, error lines, the event loop."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TypeVar

from runtime.configuration import ConfigurationError, Document, load
from runtime.exits import EXIT_CONFIGURATION, EXIT_FAILED, EXIT_OK, WorkersFailed
from runtime.listening import ListenError

KNOWN = (ConfigurationError, ListenError, WorkersFailed)
"""What is no defect: the operator can do something about it."""

D = TypeVar("D", bound=Document)


def load_or_explain(document: type[D], path: Path) -> D | None:
    """The settings; or None after every problem was written to standard error."""
    try:
        return load(document, path)
    except ConfigurationError as error:
        print(f"{path}: {len(error.problems)} problem(s) in the configuration:", file=sys.stderr)
        for problem in error.problems:
            print(f"  - {problem}", file=sys.stderr)
        return None


def run_service(main: Callable[[], Coroutine[None, None, None]]) -> int:
    """Run a service's main coroutine on uvloop until it ends; the process's exit code.

    An address that cannot be listened on is one line for the operator, not a traceback; so is what
    only a start can find wrong with the configuration.
    """
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(main())
    except KeyboardInterrupt:
        return EXIT_FAILED
    except KNOWN as error:
        return _explain([error])
    except ExceptionGroup as group:
        known, others = group.split(KNOWN)
        if known is None or others is not None:
            raise
        return _explain(_leaves(known))
    return EXIT_OK


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # not on every platform; asyncio's own loop serves there
    except ImportError:
        return None
    return uvloop.new_event_loop


def _explain(errors: Sequence[Exception]) -> int:
    """What kept the service from starting, one line each; the exit code."""
    code = EXIT_FAILED
    for error in errors:
        lines: Sequence[object] = [error]
        if isinstance(error, WorkersFailed):
            # They have said why themselves.
            lines, code = (), error.code
        if isinstance(error, ConfigurationError):
            lines, code = error.problems, EXIT_CONFIGURATION
        for line in lines:
            print(f"error: {line}", file=sys.stderr)
    return code


def _leaves(error: Exception) -> list[Exception]:
    if isinstance(error, ExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in _leaves(inner)]
    return [error]
