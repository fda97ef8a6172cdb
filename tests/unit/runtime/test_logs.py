"""One event, one line, with its fields (runtime/logs.py)."""

import asyncio
import io
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from runtime.logs import (
    PIPE_BUF,
    TRACE,
    JsonFormatter,
    JsonHandler,
    Line,
    LogFormat,
    LogLevel,
    fields,
    now,
    setup,
    write,
)

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _root_logger_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    # What pytest adds would be a second reader of every line.
    root.handlers[:] = []
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


# --- lines whose fields are always the same -------------------------------------------------------

sample = logging.getLogger("sample")


class Seen(Line, gc=False):
    """Such a line."""

    account: str | None
    seconds: float


class Output(io.StringIO):
    """Knows how often it was written to, and how much at most."""

    writes = 0
    longest = 0

    def write(self, text: str) -> int:
        self.writes += 1
        self.longest = max(self.longest, len(text.encode()))
        return super().write(text)


def see(account: str | None = "seat-1") -> None:
    write(sample, Seen(now(), "info", "sample", "seen", account, 0.5))


def ready(log_format: LogFormat = "json") -> Output:
    output = Output()
    setup("info", log_format, output)
    return output


def messages(output: io.StringIO) -> list[str]:
    return [json.loads(line)["message"] for line in output.getvalue().splitlines()]


@pytest.mark.parametrize("log_format", ["json", "text"])
@pytest.mark.parametrize("trace", [None, ("a" * 32, "b" * 16)])
@pytest.mark.parametrize("account", ["seat-1", 'a "b"\n', None, "\ud83d"])
def test_it_reads_like_any_other_line(
    log_format: LogFormat, trace: tuple[str, str] | None, account: str | None
) -> None:
    output = ready(log_format)
    token = TRACE.set(trace)
    see(account)
    sample.info("seen", extra=fields(account=account, seconds=0.5))
    TRACE.reset(token)
    one, other = output.getvalue().splitlines()
    if log_format == "text":
        assert one.split(" ", 1)[1] == other.split(" ", 1)[1]
    else:
        ours, theirs = list(json.loads(one).items()), list(json.loads(other).items())
        assert ours[0][0] == theirs[0][0] == "time"
        assert ours[1:] == theirs[1:]


async def test_those_of_one_turn_of_the_loop_are_one_write() -> None:
    output = ready()
    for _ in range(5):
        see()
    assert output.writes == 0
    await asyncio.sleep(0)
    assert (output.writes, messages(output)) == (1, ["seen"] * 5)
    see()
    await asyncio.sleep(0)
    assert messages(output) == ["seen"] * 6


async def test_no_write_is_longer_than_a_pipe_takes_in_one_piece() -> None:
    output = ready()
    for _ in range(200):
        see("a" * 300)
    await asyncio.sleep(0)
    assert messages(output) == ["seen"] * 200
    assert PIPE_BUF // 2 < output.longest <= PIPE_BUF
    assert output.writes < 200 / 5


async def test_another_line_comes_after_those_before_it_and_before_those_after_it() -> None:
    output = ready()
    see()
    sample.info("between")
    see()
    thread = threading.Thread(target=sample.info, args=("elsewhere",))
    thread.start()
    thread.join()
    see()
    await asyncio.sleep(0)
    assert messages(output) == ["seen", "between", "seen", "elsewhere", "seen"]


async def test_at_the_end_of_the_process_nothing_is_left() -> None:
    output = ready()
    see()
    (handler,) = logging.getLogger().handlers
    handler.flush()
    assert messages(output) == ["seen"]


async def test_whoever_else_listens_hears_it_too() -> None:
    output = ready()
    heard: list[logging.LogRecord] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record)

    for logger in (logging.getLogger(), sample):
        logger.addHandler(listener := Listener())
        see()
        logger.removeHandler(listener)
    assert [vars(record)["fields"] for record in heard] == [
        {"account": "seat-1", "seconds": 0.5}
    ] * 2
    assert messages(output) == ["seen"] * 2


async def test_a_stream_that_takes_nothing_more_fails_nobody() -> None:
    output = ready()
    see()
    output.close()
    (handler,) = logging.getLogger().handlers
    assert isinstance(handler, JsonHandler)
    handler._write()
    see()
    await asyncio.sleep(0)
