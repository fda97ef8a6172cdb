"""Log lines as JSON objects (or text for people), one per event, on standard error.

A line has a constant message and fields; values are never formatted into the message, so
that lines can be counted. Callers pass fields by `extra=fields(...)` and are responsible for
never passing a secret, a prompt or an answer: this module prints what it is given. Of exceptions
it prints types and places and never the text, which may quote what they were about.
"""

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

LogFormat = Literal["json", "text"]
LogLevel = Literal["debug", "info", "warning", "error"]
FieldValue = str | int | float | bool | None

TRACE: ContextVar[tuple[str, str] | None] = ContextVar("trace", default=None)
"""The trace and the span of the present task, as lines name them; None where nothing is traced."""


MOST_CAUSES = 5


def fields(**values: FieldValue) -> dict[str, Mapping[str, FieldValue]]:
    """The `extra` argument that carries these fields into a log line."""
    return {"fields": values}


def setup(level: LogLevel, log_format: LogFormat, stream: TextIO | None = None) -> None:
    """Send every logger's lines to one stream in one format."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
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


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, then the fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": _timestamp(record),
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
        line = f"{_timestamp(record)} {record.levelname.lower():7} {record.getMessage()}{pairs}"
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


def _timestamp(record: logging.LogRecord) -> str:
    milliseconds = int(record.created * 1000)
    return f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03}Z"


@lru_cache(maxsize=4)
def _second(second: int) -> str:
    """The same for every line of a second."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
