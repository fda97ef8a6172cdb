"""What is set aside, by this replica's own findings and by the board."""

from dataclasses import dataclass

import pytest

from gateway.domain.cooldowns import MAX_ENTRIES, Cooldowns, SetAside
from gateway.domain.errors import Fault
from gateway.domain.subjects import Kind, Subject, account, client, seat_model

NOW = 1_000.0
LIMITED, BUSY, PAUSED = Fault.SEAT_RATE_LIMITED, Fault.SEAT_UNAVAILABLE, Fault.POLICY_PAUSED


@dataclass(frozen=True)
class Posted:
    seconds: float | None
    word: str


def reason(
    cooldowns: Cooldowns,
    account_id: str = "a",
    model: str = "m",
    group: str = "g",
    platform: str = "copilot",
    now: float = NOW,
) -> SetAside | None:
    return cooldowns.why_not(account_id, model, group, platform, now)


@pytest.mark.parametrize(
    ("subject", "other"),
    [
        (account("a"), {"account_id": "b"}),
        (seat_model("a", "m"), {"model": "n"}),
        (seat_model("a", "m"), {"account_id": "b"}),
        (Subject(Kind.GROUP, "g"), {"group": "h"}),
        (Subject(Kind.MODEL, "m"), {"model": "n"}),
        (client("copilot"), {"platform": "openai"}),
    ],
)
def test_each_kind_of_subject_keeps_away_what_it_names(
    subject: Subject, other: dict[str, str]
) -> None:
    cooldowns = Cooldowns()
    cooldowns.cool(subject, NOW + 5, LIMITED)
    assert reason(cooldowns) == (LIMITED, NOW + 5)
    assert reason(cooldowns, **other) is None  # type: ignore[arg-type]  # ids only


def test_an_end_is_an_end() -> None:
    cooldowns = Cooldowns()
    cooldowns.cool(account("a"), NOW + 5, LIMITED)
    assert reason(cooldowns, now=NOW + 4.9) is not None
    assert reason(cooldowns, now=NOW + 5) is None


def test_of_several_reasons_the_last_to_end_is_named() -> None:
    cooldowns = Cooldowns()
    cooldowns.cool(account("a"), NOW + 5, LIMITED)
    cooldowns.cool(client("copilot"), NOW + 60, Fault.UPSTREAM_RATE_LIMITED)
    assert reason(cooldowns) == (Fault.UPSTREAM_RATE_LIMITED, NOW + 60)


def test_a_shorter_cool_down_does_not_shorten_a_longer_one() -> None:
    cooldowns = Cooldowns()
    cooldowns.cool(account("a"), NOW + 60, LIMITED)
    cooldowns.cool(account("a"), NOW + 5, BUSY)
    assert reason(cooldowns) == (LIMITED, NOW + 60)
    cooldowns.cool(account("a"), NOW + 90, BUSY)
    assert reason(cooldowns) == (BUSY, NOW + 90)


def test_lifting_forgets_our_finding_and_the_boards() -> None:
    cooldowns = Cooldowns()
    cooldowns.replace({account("a"): Posted(30.0, "seat_rate_limited")}, NOW)
    cooldowns.cool(account("a"), NOW + 60, LIMITED)
    cooldowns.lift(account("a"))
    cooldowns.lift(account("b"))
    assert reason(cooldowns) is None


@pytest.mark.parametrize(
    ("posted", "expected"),
    [
        (Posted(30.0, "seat_rate_limited"), (LIMITED, NOW + 30)),
        (Posted(None, "paused"), (PAUSED, None)),
        (Posted(30.0, "paused"), (PAUSED, NOW + 30)),
        (Posted(30.0, "a_newer_replicas_word"), (BUSY, NOW + 30)),
        (Posted(0.0, "seat_rate_limited"), None),
        (Posted(-1.0, "seat_rate_limited"), None),
    ],
)
def test_the_board_is_understood(
    posted: Posted, expected: tuple[Fault, float | None] | None
) -> None:
    cooldowns = Cooldowns()
    cooldowns.replace({account("a"): posted}, NOW)
    assert reason(cooldowns) == expected


def test_a_pause_outlasts_every_cool_down() -> None:
    cooldowns = Cooldowns()
    cooldowns.replace({Subject(Kind.GROUP, "g"): Posted(None, "paused")}, NOW)
    cooldowns.cool(account("a"), NOW + 1e6, LIMITED)
    assert reason(cooldowns, now=NOW + 1e9) == (PAUSED, None)


def test_what_others_take_down_is_gone_here() -> None:
    """Our own finding too, once the board has shown it."""
    cooldowns = Cooldowns()
    cooldowns.cool(account("a"), NOW + 60, LIMITED)
    cooldowns.replace({account("a"): Posted(59.5, "seat_rate_limited")}, NOW)
    assert reason(cooldowns) == (LIMITED, NOW + 59.5)
    cooldowns.replace({}, NOW)
    assert reason(cooldowns) is None


def test_a_board_from_before_our_notice_does_not_undo_it() -> None:
    cooldowns = Cooldowns()
    cooldowns.cool(account("a"), NOW + 60, LIMITED)
    cooldowns.replace({}, NOW)
    assert reason(cooldowns) == (LIMITED, NOW + 60)
    cooldowns.replace({account("a"): Posted(5.0, "seat_rate_limited")}, NOW)
    assert reason(cooldowns) == (LIMITED, NOW + 60)


def test_all_that_is_set_aside_can_be_listed_and_what_has_ended_is_forgotten() -> None:
    cooldowns = Cooldowns()
    cooldowns.cool(account("a"), NOW + 5, LIMITED)
    cooldowns.cool(account("b"), NOW + 60, LIMITED)
    cooldowns.replace(
        {account("b"): Posted(10.0, "seat_quota"), account("c"): Posted(None, "paused")}, NOW
    )
    assert cooldowns.active(NOW) == {
        account("a"): (LIMITED, NOW + 5),
        account("b"): (LIMITED, NOW + 60),
        account("c"): (PAUSED, None),
    }
    assert set(cooldowns.active(NOW + 100)) == {account("c")}


def test_callers_cannot_fill_the_memory_or_push_out_accounts() -> None:
    cooldowns = Cooldowns()
    cooldowns.cool(account("a"), NOW + 1, LIMITED)
    for number in range(3 * MAX_ENTRIES):
        cooldowns.cool(seat_model("a", f"m{number}"), NOW + 1 + number, LIMITED)
    active = cooldowns.active(NOW)
    assert len(active) <= MAX_ENTRIES
    assert account("a") in active
    assert seat_model("a", f"m{3 * MAX_ENTRIES - 1}") in active
    assert seat_model("a", "m0") not in active


def test_a_board_that_is_too_large_is_cut_at_the_models() -> None:
    cooldowns = Cooldowns()
    board = {seat_model("a", f"m{number}"): Posted(1.0, "x") for number in range(MAX_ENTRIES)}
    board[account("a")] = Posted(0.5, "seat_quota")
    board[seat_model("b", "m")] = Posted(9.0, "x")
    cooldowns.replace(board, NOW)
    active = cooldowns.active(NOW)
    assert len(active) == MAX_ENTRIES
    assert {account("a"), seat_model("b", "m")} <= set(active)
