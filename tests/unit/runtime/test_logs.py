"""One event, one line, with its fields (runtime/logs.py)."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from runtime.logs import JsonFormatter, LogFormat, LogLevel, fields, setup


@pytest.fixture(autouse=True)
def _root_logger_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def logged(log_format: LogFormat, level: LogLevel = "info", **values: Any) -> str:
    stream = io.StringIO()
    setup(level, log_format, stream)
    logging.getLogger("sample").warning("token renewed", extra=fields(**values))
    return stream.getvalue()


def test_a_json_line_is_one_object_with_the_fields_beside_the_message() -> None:
    line = json.loads(logged("json", account="seat-1", seconds=0.5, cause=None))
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "logger": "sample",
        "message": "token renewed",
        "account": "seat-1",
        "seconds": 0.5,
        "cause": None,
    }


def test_a_text_line_is_for_people() -> None:
    moment, rest = logged("text", account="seat-1", seconds=0.5).split(" ", 1)
    assert moment.endswith("Z")
    assert rest == "warning token renewed account=seat-1 seconds=0.5\n"


@pytest.mark.parametrize("log_format", ["json", "text"])
@pytest.mark.parametrize("value", ["a\nb", "a\r\nb", "a\x1b[2Jb", "a\u2028b", "a b=c"])
def test_a_value_cannot_forge_a_line_or_a_field(log_format: LogFormat, value: str) -> None:
    text = logged(log_format, model=value)
    assert text.count("\n") == 1
    assert "\r" not in text
    assert "\x1b" not in text
    assert " b=c " not in text


def test_a_traceback_stays_inside_its_json_line() -> None:
    stream = io.StringIO()
    setup("info", "json", stream)
    try:
        raise LookupError("gone")
    except LookupError:
        logging.getLogger("sample").exception("failed")
    (line,) = stream.getvalue().splitlines()
    said = json.loads(line)["traceback"]
    assert said.endswith("builtins.LookupError")
    assert "test_logs.py" in said


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_no_exception_is_quoted_nor_what_it_came_from(log_format: LogFormat) -> None:
    stream, secret = io.StringIO(), "-".join(("can", "ary"))
    setup("info", log_format, stream)
    try:
        try:
            raise ValueError(secret)
        except ValueError as error:
            raise ExceptionGroup(secret, [LookupError(secret), OSError(secret)]) from error
    except ExceptionGroup:
        logging.getLogger("sample").exception("failed")
    said = stream.getvalue()
    assert secret not in said
    kinds = [f"builtins.{kind}" for kind in ("ExceptionGroup", "LookupError", "OSError")]
    assert sorted(kinds, key=said.index) == kinds
    assert "builtins.ValueError" in said


def test_lines_below_the_level_are_not_written() -> None:
    assert logged("json", "error") == ""


def test_setting_up_twice_writes_each_line_once() -> None:
    setup("info", "text", io.StringIO())
    assert logged("text").count("token renewed") == 1


@pytest.mark.parametrize("library", ["httpx", "httpcore", "aiohttp.access", "hpack"])
def test_libraries_that_log_requests_are_silent_even_when_we_debug(library: str) -> None:
    """Their lines hold URLs and headers, and so credentials."""
    stream = io.StringIO()
    setup("debug", "text", stream)
    logging.getLogger(library).info("GET https://… authorization: …")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("value", ["\ud83d", "a\udc00b"])
def test_half_a_character_is_a_line_all_the_same(value: str) -> None:
    (line,) = logged("json", model=value).splitlines()
    assert json.loads(line)["model"] == value


@pytest.mark.parametrize(
    ("created", "expected"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1795350000.0019999, "2026-11-22T12:20:00.001Z"),
        (1795350000.9999, "2026-11-22T12:20:00.999Z"),
        (1795350001.5, "2026-11-22T12:20:01.500Z"),
    ],
)
def test_a_line_says_when_it_was_written_to_the_millisecond(created: float, expected: str) -> None:
    record = logging.LogRecord("sample", logging.INFO, "", 0, "x", (), None)
    record.created = created
    assert json.loads(JsonFormatter().format(record))["time"] == expected
