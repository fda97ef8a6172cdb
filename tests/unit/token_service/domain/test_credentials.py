"""Which credential works with which strategy (copilot-upstream.md §2.4)."""

import pytest

from token_service.domain.credentials import (
    Choice,
    CredentialKind,
    Strategy,
    choose,
    classify,
)
from token_service.domain.errors import CredentialKindUnsupported

KINDS = [
    ("ghu_a", CredentialKind.USER_TO_SERVER),
    ("gho_a", CredentialKind.OAUTH),
    ("ghp_a", CredentialKind.CLASSIC_PAT),
    ("github_pat_a", CredentialKind.FINE_GRAINED_PAT),
    ("ghs_a", CredentialKind.INSTALLATION),
    ("0123456789abcdef0123456789abcdef01234567", CredentialKind.UNKNOWN),
    ("GHU_a", CredentialKind.UNKNOWN),
    ("", CredentialKind.UNKNOWN),
]
WORKS = {
    (Choice.AUTO, CredentialKind.USER_TO_SERVER): Strategy.EXCHANGE,
    (Choice.AUTO, CredentialKind.OAUTH): Strategy.EXCHANGE,
    (Choice.AUTO, CredentialKind.UNKNOWN): Strategy.EXCHANGE,
    (Choice.EXCHANGE, CredentialKind.USER_TO_SERVER): Strategy.EXCHANGE,
    (Choice.EXCHANGE, CredentialKind.OAUTH): Strategy.EXCHANGE,
    (Choice.EXCHANGE, CredentialKind.UNKNOWN): Strategy.EXCHANGE,
    (Choice.DIRECT, CredentialKind.USER_TO_SERVER): Strategy.DIRECT,
    (Choice.DIRECT, CredentialKind.OAUTH): Strategy.DIRECT,
    (Choice.DIRECT, CredentialKind.FINE_GRAINED_PAT): Strategy.DIRECT,
    (Choice.DIRECT, CredentialKind.UNKNOWN): Strategy.DIRECT,
    (Choice.GITHUB_APP, CredentialKind.UNKNOWN): Strategy.GITHUB_APP,
    (Choice.STATIC, CredentialKind.UNKNOWN): Strategy.STATIC,
}
EVERY = [(choice, kind) for choice in Choice for kind in CredentialKind]


@pytest.mark.parametrize(("credential", "kind"), KINDS)
def test_kind_is_told_by_the_prefix(credential: str, kind: CredentialKind) -> None:
    assert classify(credential) is kind


@pytest.mark.parametrize(("choice", "kind"), EVERY)
def test_every_choice_meets_every_kind(choice: Choice, kind: CredentialKind) -> None:
    """The table is total: a strategy, or a refusal that says what to do."""
    expected = WORKS.get((choice, kind))
    if expected is not None:
        assert choose(choice, kind) is expected
    else:
        with pytest.raises(CredentialKindUnsupported):
            choose(choice, kind)


def test_auto_never_hands_out_the_credential_itself() -> None:
    """Direct is the operator's decision (design §2, invariant 1)."""
    verdicts = {WORKS.get((Choice.AUTO, kind)) for kind in CredentialKind}

    assert Strategy.DIRECT not in verdicts


@pytest.mark.parametrize(
    ("choice", "kind", "word"),
    [
        (Choice.AUTO, CredentialKind.FINE_GRAINED_PAT, "`strategy: direct`"),
        (Choice.EXCHANGE, CredentialKind.FINE_GRAINED_PAT, "`strategy: direct`"),
        (Choice.AUTO, CredentialKind.INSTALLATION, "github_app"),
        (Choice.DIRECT, CredentialKind.INSTALLATION, "github_app"),
        (Choice.DIRECT, CredentialKind.CLASSIC_PAT, "classic"),
        (Choice.STATIC, CredentialKind.USER_TO_SERVER, "`strategy: auto`"),
    ],
)
def test_a_refusal_names_the_way_out(choice: Choice, kind: CredentialKind, word: str) -> None:
    with pytest.raises(CredentialKindUnsupported, match=word):
        choose(choice, kind)
