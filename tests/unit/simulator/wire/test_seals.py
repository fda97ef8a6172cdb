"""What belongs to one account is good for that account only, as what it was made for."""

from hypothesis import given
from hypothesis import strategies as st

from simulator.wire.seals import Sealed, SealKind, is_genuine, seal

MADE = seal(SealKind.SIGNATURE, "octocat", bytes(268))


def judged(text: str, login: str = "octocat", kind: SealKind = SealKind.SIGNATURE) -> bool:
    return is_genuine(Sealed(kind, text, "here"), login)


def test_only_its_own_account_can_bring_it_back() -> None:
    assert judged(MADE)
    assert not judged(MADE, login="hubot")


def test_one_kind_is_not_another() -> None:
    others = set(SealKind) - {SealKind.SIGNATURE}
    assert not any(judged(MADE, kind=kind) for kind in others)


def test_it_is_400_characters_long() -> None:
    """§6.4."""
    assert len(MADE) == 400


@given(st.text())
def test_nothing_made_up_is_genuine(text: str) -> None:
    assert not judged(text)


@given(st.integers(0, 399))
def test_nothing_changed_is_genuine(index: int) -> None:
    other = "A" if MADE[index] != "A" else "B"
    assert not judged(MADE[:index] + other + MADE[index + 1 :])


def test_it_is_not_in_a_repr() -> None:
    assert MADE not in repr(Sealed(SealKind.SIGNATURE, MADE, "here"))
