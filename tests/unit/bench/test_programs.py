"""The load and the upstream in C: what one sends the other finds right, and nothing else."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.bodies import PATHS, written
from bench.load import Load, WrongAnswers, finish, run, start
from bench.processes import cores, free_port, running
from bench.programs import upstream_program

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler, see make ci-tools"),
]


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port = free_port()
    log = tmp_path_factory.mktemp("upstream") / "log"
    with running([upstream_program(), str(port)], cores()[1], log, port):
        yield port


@pytest.mark.parametrize("protocol", PATHS)
def test_whole_answers_are_right(tmp_path: Path, upstream: int, protocol: str) -> None:
    request = written(tmp_path, protocol, "fast", False)
    said = run(upstream, Load(request, 4, {"requests": 200}))
    assert (said["done"], said["connects"]) == (200, 4)


@pytest.mark.parametrize("protocol", PATHS)
@pytest.mark.parametrize("model", ["fast", "paced"])
def test_streams_are_whole_and_their_events_counted(
    tmp_path: Path, upstream: int, protocol: str, model: str
) -> None:
    request = written(tmp_path, protocol, model, True)
    said = run(upstream, Load(request, 4, {"requests": 8, "chunks": 100}))
    assert (said["done"], said["chunks"]) == (8, 800)
    assert said["added_us"]["p50"] > 0


def test_a_large_request_is_read_to_its_end(tmp_path: Path, upstream: int) -> None:
    request = written(tmp_path, "chat", "fast", False, 1_000_000)
    assert run(upstream, Load(request, 2, {"requests": 6}))["connects"] == 2


def test_an_answer_with_too_few_events_is_wrong(tmp_path: Path, upstream: int) -> None:
    request = written(tmp_path, "chat", "fast", True)
    with pytest.raises(WrongAnswers, match="number of events"):
        run(upstream, Load(request, 1, {"requests": 1, "chunks": 101}))


def test_a_refusal_is_wrong(tmp_path: Path, upstream: int) -> None:
    request = written(tmp_path, "chat", "fast", False)
    request.write_bytes(request.read_bytes().replace(b"/v1/chat", b"/v1/chit"))
    with pytest.raises(WrongAnswers, match=": status: status 404"):
        run(upstream, Load(request, 1, {"requests": 1}))


def test_an_answer_without_its_end_is_wrong(tmp_path: Path, upstream: int) -> None:
    request = written(tmp_path, "chat", "fast", False)
    request.write_bytes(request.read_bytes().replace(b"/v1/chat/completions", b"/models"))
    with pytest.raises(WrongAnswers, match=": no end: status 200"):
        run(upstream, Load(request, 1, {"requests": 1}))


def test_callers_hang_up_after_some_events(tmp_path: Path, upstream: int) -> None:
    request = written(tmp_path, "chat", "paced", True)
    said = run(upstream, Load(request, 2, {"requests": 6, "cancel": 3}))
    assert (said["hung_up"], said["connects"]) == (6, 6)


def test_a_reader_that_stops_holds_its_stream(tmp_path: Path, upstream: int) -> None:
    request = written(tmp_path, "chat", "flood", True)
    options = {"hold": 1.0, "seconds": 1.0, "stop": 20_000}
    said = finish(start(upstream, Load(request, 3, options)), may_break_off=True)
    assert said["streaming"] == 3
    assert said["bytes"] < 3 * 60_000
