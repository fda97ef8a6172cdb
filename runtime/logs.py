"""Log lines as JSON objects (or text for people), one per event, on standard error.

A line has a constant message and fields; values are never formatted into the message, so
that lines can be counted. Callers pass fields by `extra=fields(...)` and are responsible for
never passing a secret, a prompt or an answer: this module prints what it is given. Of exceptions
it prints types and places and never the text, which may quote what they were about.

What is said of every request is a `Line`: its fields are always the same, so that it is encoded in
one step, and the lines of one turn of the event loop go out in one write.
"""

import asyncio
import json
import logging
import sys
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal, TextIO

import msgspec

from runtime.clock import SystemClock

LogFormat = Literal["json", "text"]
LogLevel = Literal["debug", "info", "warning", "error"]
FieldValue = str | int | float | bool | None

TRACE: ContextVar[tuple[str, str] | None] = ContextVar("trace", default=None)
"""The trace and the span of the present task, as lines name them; None where nothing is traced."""
MOST_CAUSES = 5
PIPE_BUF = 4096
"""What the system writes into a pipe in one piece: workers of one gateway share theirs, and one's
lines must not be cut in two by another's."""
CLOCK = SystemClock()


def fields(**values: FieldValue) -> dict[str, Mapping[str, FieldValue]]:
    """The `extra` argument that carries these fields into a log line."""
    return {"fields": values}


def setup(level: LogLevel, log_format: LogFormat, stream: TextIO | None = None) -> None:
    """Send every logger's lines to one stream in one format."""
    handler: logging.Handler
    if log_format == "json":
        handler = JsonHandler(stream or sys.stderr)
    else:
        handler = logging.StreamHandler(stream or sys.stderr)
        handler.setFormatter(TextFormatter())
    _leave_out_what_no_line_says()
    root = logging.getLogger()
    for old in tuple(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    # These libraries log requests with URLs and headers at levels we use for ourselves.
    for noisy in ("httpx", "httpcore", "aiohttp.access", "hpack", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _leave_out_what_no_line_says() -> None:
    """The thread, the process and the caller's place in the source, which each line would look up.

    As the documentation of `logging` says under "Optimization".
    """
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


_ENCODER = msgspec.json.Encoder(enc_hook=str)
_ROOT = logging.getLogger()


class Line(msgspec.Struct, gc=False):
    """What a line begins with; the fields of whoever inherits it follow."""

    time: str
    """As `now` has it."""
    level: Literal["info"]
    logger: str
    message: str


def now() -> str:
    """The time as lines say it."""
    return _timestamp(CLOCK.now())


def write(logger: logging.Logger, line: Line) -> None:
    """Write a line of a level that the logger is enabled for."""
    handler = _ROOT.handlers[0] if len(_ROOT.handlers) == 1 and not logger.handlers else None
    if type(handler) is JsonHandler:
        encoded = _encoded(line)
        if encoded is not None:
            handler.put_off(encoded)
            return
    values = msgspec.structs.asdict(line)
    for name in Line.__struct_fields__:
        del values[name]
    logger.info(line.message, extra=fields(**values))


def _encoded(line: Line) -> bytes | None:
    """None for what is no text, which the formatter knows what to do with."""
    try:
        encoded = _ENCODER.encode(line)
    except UnicodeEncodeError:
        return None
    trace = TRACE.get()
    if trace is None:
        return encoded
    named = _ENCODER.encode({"trace_id": trace[0], "span_id": trace[1]})
    return b"%b,%b" % (encoded[:-1], named[1:])


class JsonHandler(logging.StreamHandler[TextIO]):
    """Lines as JSON. Those that are put off are written before any other one is."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.setFormatter(JsonFormatter())
        self._put_off: list[bytes] = []
        self._size = 0
        """Of what is put off, in bytes."""

    def put_off(self, line: bytes) -> None:
        """Write it at the end of the event loop's turn; at once where no loop runs."""
        size = len(line) + 1
        if self._size + size > PIPE_BUF:
            self._write()
        self._size += size
        self._put_off.append(line)
        if len(self._put_off) > 1:
            return
        try:
            asyncio.get_running_loop().call_soon(self._write)
        except RuntimeError:
            self._write()

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler."""
        self._write()
        super().emit(record)

    def flush(self) -> None:
        """See logging.Handler. Called at the end of the process too."""
        self._write()
        super().flush()

    def _write(self) -> None:
        """What was put off, in one write. Raises nothing: it is called in the path of requests."""
        # Other threads log as well, and a line may be put off while one of them is here. What holds
        # the lock may come here again.
        self.acquire()
        try:
            count = len(self._put_off)
            if count:
                lines = b"\n".join(self._put_off[:count]).decode()
                del self._put_off[:count]
                self._size = 0
                self.stream.write(lines + self.terminator)
                self.stream.flush()
        except (OSError, ValueError):
            # A stream that takes nothing more: there is nobody to be told.
            pass
        finally:
            self.release()


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, then the fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": _timestamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update(getattr(record, "fields", {}))
        trace = TRACE.get()
        if trace is not None:
            line["trace_id"], line["span_id"] = trace
        if record.exc_info:
            line["traceback"] = _places(record.exc_info[1])
        try:
            return _ENCODER.encode(line).decode()
        except UnicodeEncodeError:
            # Halves of surrogate pairs, which are no text; escaped they can be written.
            return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """One line for a person: time, level, message, then the fields."""

    def format(self, record: logging.LogRecord) -> str:
        values = dict(getattr(record, "fields", {}))
        trace = TRACE.get()
        if trace is not None:
            values["trace_id"], values["span_id"] = trace
        pairs = "".join(f" {name}={_on_one_line(value)}" for name, value in values.items())
        moment, level = _timestamp(record.created), record.levelname.lower()
        line = f"{moment} {level:7} {record.getMessage()}{pairs}"
        if record.exc_info:
            line += "\n" + _places(record.exc_info[1])
        return line


def _places(error: BaseException | None) -> str:
    """Where it was raised and what kind it is; then what it came from and holds, likewise."""
    waiting, said = [error], list[str]()
    while waiting and len(said) < MOST_CAUSES:
        found = waiting.pop(0)
        if found is None:
            continue
        places = "".join(traceback.format_tb(found.__traceback__))
        said.append(f"{places}{type(found).__module__}.{type(found).__qualname__}")
        waiting += found.exceptions if isinstance(found, BaseExceptionGroup) else ()
        waiting.append(
            found.__cause__ or (None if found.__suppress_context__ else found.__context__)
        )
    return "\nand\n".join(said)


def _on_one_line(value: FieldValue) -> str:
    """The value as it is, quoted where it would not read as one word (or would forge a line)."""
    text = str(value)
    return text if text.isprintable() and " " not in text else json.dumps(text)


def _timestamp(created: float) -> str:
    return _moment(int(created * 1000))


@lru_cache(maxsize=4)
def _moment(milliseconds: int) -> str:
    """The same for every line of a millisecond."""
    return f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03}Z"


@lru_cache(maxsize=4)
def _second(second: int) -> str:
    """The same for every line of a second."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
