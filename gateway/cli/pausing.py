"""`python -m gateway pause` and `resume`: set aside an account, a group or a model over the fleet.

Speaks to the shared store alone: every gateway on it takes over what is posted there.
"""

from collections.abc import Mapping

from gateway.domain.groups import Group, GroupAccount
from gateway.domain.subjects import Kind, Subject
from gateway.ports.shared_state import Board, Posted

PAUSED = "paused"
PAUSABLE = (Kind.ACCOUNT.value, Kind.GROUP.value, Kind.MODEL.value)
RESUMABLE = (*PAUSABLE, Kind.CLIENT.value)
NO_SHARED_STORE = (
    "error: store.url is memory://, so there is no fleet to tell; with one gateway change its "
    "configuration instead, which it takes over while it runs"
)


def unknown(
    kind: str, name: str, groups: Mapping[str, Group], accounts: Mapping[str, GroupAccount]
) -> str | None:
    """What is wrong with the name, if anything is: an id that is configured nowhere is a typo."""
    known = {Kind.ACCOUNT.value: accounts.keys(), Kind.GROUP.value: groups.keys()}.get(kind)
    if known is None or name in known:
        return None
    return f"error: the configuration has no {kind} '{name}'; it has: {', '.join(sorted(known))}"


def pause(board: Board, kind: str, name: str) -> None:
    """Post it, until it is taken down."""
    board.post(Subject(Kind(kind), name), Posted(None, PAUSED))


def resume(board: Board, kind: str, name: str) -> None:
    """Take it down, and with an account the cool-downs of its models."""
    there: set[Subject] = set()
    board.follow(lambda posted: there.update(posted))
    board.take_down(Subject(Kind(kind), name))
    for subject in tuple(there):
        if subject.kind is Kind.SEAT_MODEL and kind == Kind.ACCOUNT.value and subject.id == name:
            board.take_down(subject)
