"""The contract of the Board port: alone, and on a shared store."""

from collections.abc import Mapping

import pytest

from gateway.adapters.shared_state import State
from gateway.domain import subjects
from gateway.domain.subjects import Kind, Subject
from gateway.ports.shared_state import Board, Posted

pytestmark = pytest.mark.anyio

SEAT, MODEL = subjects.account("seat-1"), subjects.seat_model("seat-1", "gpt:5")
GROUP = Subject(Kind.GROUP, "engineering")


class Reader:
    """Keeps what it read last, and how often it was told."""

    def __init__(self, board: Board) -> None:
        self.board: Mapping[Subject, Posted] = {}
        self.times = 0
        board.follow(self._read)

    def _read(self, board: Mapping[Subject, Posted]) -> None:
        self.board = board
        self.times += 1

    def seconds(self, subject: Subject) -> float | None:
        return self.board[subject].seconds


@pytest.fixture
def board(state: State) -> Board:
    return state.board


async def test_nothing_is_posted_at_first(board: Board) -> None:
    assert Reader(board).board == {}


async def test_what_is_posted_is_read_at_once(board: Board) -> None:
    reader = Reader(board)
    board.post(SEAT, Posted(30.0, "seat_rate_limited"))
    board.post(MODEL, Posted(60.0, "seat_model_rate_limited"))

    assert reader.board.keys() == {SEAT, MODEL}
    assert reader.board[SEAT].word == "seat_rate_limited"
    assert reader.seconds(SEAT) == pytest.approx(30.0, abs=1)
    assert reader.seconds(MODEL) == pytest.approx(60.0, abs=1)


async def test_a_pause_lasts_until_it_is_taken_down(board: Board) -> None:
    reader = Reader(board)
    board.post(GROUP, Posted(None, "paused"))
    assert reader.board == {GROUP: Posted(None, "paused")}
    board.take_down(GROUP)
    assert reader.board == {}


async def test_the_later_end_counts(board: Board) -> None:
    reader = Reader(board)
    board.post(SEAT, Posted(60.0, "longer"))
    board.post(SEAT, Posted(30.0, "shorter"))
    assert reader.board[SEAT].word == "longer"
    board.post(SEAT, Posted(90.0, "longest"))
    assert reader.board[SEAT].word == "longest"
    board.post(SEAT, Posted(None, "paused"))
    board.post(SEAT, Posted(3600.0, "seat_quota"))
    assert reader.board == {SEAT: Posted(None, "paused")}


async def test_after_it_was_taken_down_any_end_counts(board: Board) -> None:
    reader = Reader(board)
    board.post(SEAT, Posted(3600.0, "long"))
    board.take_down(SEAT)
    board.post(SEAT, Posted(30.0, "short"))

    assert reader.board[SEAT].word == "short"
    assert reader.seconds(SEAT) == pytest.approx(30.0, abs=1)


async def test_what_changes_nothing_is_told_to_nobody(board: Board) -> None:
    board.post(SEAT, Posted(None, "paused"))
    reader = Reader(board)
    assert reader.times == 1
    board.post(SEAT, Posted(None, "paused"))
    board.take_down(GROUP)

    assert reader.times == 1


async def test_all_who_follow_are_told(board: Board) -> None:
    readers = [Reader(board), Reader(board)]
    board.post(SEAT, Posted(None, "paused"))

    assert [reader.board for reader in readers] == [{SEAT: Posted(None, "paused")}] * 2


async def test_who_follows_late_reads_what_is_there(board: Board) -> None:
    board.post(SEAT, Posted(None, "paused"))

    assert Reader(board).board == {SEAT: Posted(None, "paused")}


async def test_what_has_ended_is_not_read(board: Board) -> None:
    board.post(SEAT, Posted(0.0, "over"))
    reader = Reader(board)
    board.post(GROUP, Posted(None, "paused"))

    assert reader.board.keys() == {GROUP}
