"""`keys` as an operator sees it."""

import argparse
import hashlib
import json

import pytest

from gateway.__main__ import _identifier, main
from gateway.cli import keys
from gateway.cli.key_actions import action_of
from gateway.cli.key_arguments import add_arguments, expiry
from gateway.cli.key_listing import as_table
from gateway.cli.keys import KeyProblem, Operator
from gateway.domain.api_keys import Rate, is_mistyped
from gateway.domain.budgets.budget import Budget
from gateway.domain.budgets.period import Period
from gateway.domain.groups import Group, GroupAccount
from tests.fakes.ledger_records import DAY, NOON
from tests.fakes.stored_keys import FakeKeyStore, a_stored_key

GROUPS = {
    "team": Group("team", "copilot", (GroupAccount("seat-1"), GroupAccount("seat-2"))),
    "other": Group("other", "copilot", (GroupAccount("seat-3"),)),
}


async def do(store: FakeKeyStore, text: str, now: float = NOON) -> str:
    """What a command says, whose words are apart by blanks."""
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_arguments(parser, str, lambda _: None)
    options = parser.parse_args(text.split())
    return await action_of(options, GROUPS, {"in-file"}, Operator("root", now))(store)


def key_in(text: str) -> str:
    (line,) = [line for line in text.splitlines() if line.startswith("key:")]
    return line.split()[1]


def test_a_new_key_is_shown_once_with_what_to_store(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "new", "--id", "ci-bot", "--group", "team"]) == 0
    printed = capsys.readouterr().out
    lines = dict(line.split(": ", 1) for line in printed.splitlines() if ": " in line)
    key = lines["key"].strip()
    assert not is_mistyped(key)
    assert lines["sha256"].strip() == hashlib.sha256(key.encode()).hexdigest()
    assert printed.count(key) == 1
    assert "group: team}" in printed


def test_every_key_is_another(capsys: pytest.CaptureFixture[str]) -> None:
    main(["keys", "new", "--id", "a"])
    main(["keys", "new", "--id", "a"])
    keys = [line for line in capsys.readouterr().out.splitlines() if line.startswith("key:")]
    assert keys[0] != keys[1]


def test_without_a_configuration_only_a_key_can_be_made(capsys: pytest.CaptureFixture[str]) -> None:
    for action in ("list", "revoke --id a", "rotate --id a", "forget --id a"):
        assert main(["keys", *action.split()]) == 2
        assert "name the configuration file" in capsys.readouterr().err


# --- with a database --------------------------------------------------------------------------


@pytest.mark.anyio
async def test_a_stored_key_is_what_was_asked_for() -> None:
    store = FakeKeyStore()
    said = await do(
        store,
        "new --id ci --group team --account seat-2 --owner Jo --expires 30d --may-mark-agent "
        "--max-concurrency 3 --max-waiting 0 --requests-per-minute 60 --tokens-per-minute 1000 "
        "--budget-period day --budget-requests 9 --budget-tokens 8 --budget-credits 0.1 "
        "--budget-shadow --budget-when-unknown refuse",
    )

    (stored,) = await store.list()
    assert stored.sha256 == hashlib.sha256(key_in(said).encode()).hexdigest()
    assert not is_mistyped(key_in(said))
    assert stored == a_stored_key(
        sha256=stored.sha256,
        id="ci",
        group_id="team",
        account_id="seat-2",
        owner="Jo",
        expires_at=NOON + 30 * DAY,
        may_mark_agent=True,
        max_concurrency=3,
        max_waiting=0,
        rate=Rate(60, 1000),
        budget=Budget(Period.DAY, 9, 8, 100_000_000, is_shadow=True, refuses_unknown=True),
        number=1,
    )


@pytest.mark.anyio
async def test_a_key_of_nothing_but_an_id_and_a_group_is_limited_by_nothing() -> None:
    store = FakeKeyStore()
    await do(store, "new --id ci --group team")

    (stored,) = await store.list()
    assert (stored.rate, stored.budget, stored.expires_at, stored.account_id) == (None,) * 4
    assert stored.max_concurrency is None
    assert stored.max_waiting == 20


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("new --id in-file --group team", "the configuration has a key 'in-file'"),
        ("new --id taken --group team", "there is or was a key 'taken'"),
        ("new --id revoked --group team", "there is or was a key 'revoked'"),
        ("new --id x", "say with --group which of these: other, team"),
        ("new --id x --group nowhere", "no group 'nowhere'; it has: other, team"),
        ("new --id x --group team --account seat-3", "no account 'seat-3'; it has: seat-1, seat-2"),
        ("new --id x --group team --expires soon", "--expires: must be a number of days"),
        ("new --id x --group team --expires 2020-01-01", "--expires: must be later than now"),
        ("new --id x --group team --budget-period day", "a budget needs"),
        ("rotate --id revoked", "'revoked' is revoked"),
        ("rotate --id expired", "'expired' has expired"),
        ("rotate --id nobody", "there is no key 'nobody'"),
        ("rotate --id in-file", "'in-file' is a key of the configuration"),
        ("revoke --id nobody", "there is no key 'nobody'"),
        ("revoke --id in-file", "'in-file' is a key of the configuration"),
        ("forget --id nobody", "there is no key 'nobody'"),
        ("forget --id in-file", "remove it there first"),
    ],
)
async def test_what_cannot_be_done_is_said_and_changes_nothing(
    command: str, complaint: str
) -> None:
    store = FakeKeyStore()
    await store.add(a_stored_key(id="taken"))
    await store.add(a_stored_key(id="revoked"))
    await store.revoke("revoked", "root", NOON)
    await store.add(a_stored_key(id="expired", expires_at=NOON))
    before = store.number

    with pytest.raises(KeyProblem) as caught:
        await do(store, command)
    assert complaint in str(caught.value)
    assert store.number == before


@pytest.mark.parametrize(
    "arguments",
    [
        "--max-concurrency 0",
        "--max-concurrency ten",
        "--max-waiting 10001",
        "--tokens-per-minute 9007199254740993",
        "--budget-credits 0",
        "--budget-credits nan",
        "--budget-credits 1e30",
        "--budget-period week",
        f"--owner {'x' * 201}",
        "--owner a\x1b[2Jb",
    ],
)
def test_values_that_are_none_are_refused(
    arguments: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["keys", "new", "--id", "a", *arguments.split(" ")])
    assert caught.value.code == 2
    assert "argument --" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("1d", NOON + DAY),
        ("2026-11-26", NOON + DAY / 2),
        ("2026-11-26T12:00:00Z", NOON + DAY),
        ("2026-11-26T14:00:00+02:00", NOON + DAY),
    ],
)
def test_an_end_is_days_from_now_or_a_time_with_a_zone(text: str, end: float) -> None:
    assert expiry(text, NOON) == end
    with pytest.raises(KeyProblem):
        expiry("2027-01-01T12:00:00", NOON)


@pytest.mark.anyio
async def test_a_rotated_key_has_the_rights_of_the_one_before() -> None:
    store = FakeKeyStore()
    await do(store, "new --id ci --group team --max-concurrency 3 --expires 10d")
    said = await do(store, "rotate --id ci --keep-old-for 60", NOON + 1)
    old, new = await store.list()

    assert "works for 60 more seconds" in said
    assert (old.expires_at, new.expires_at) == (NOON + 61, NOON + 10 * DAY)
    assert (new.max_concurrency, new.group_id, new.created_at) == (3, "team", NOON + 1)
    # The end of the one that is being replaced is not the next one's.
    await do(store, "rotate --id ci", NOON + 2)
    *gone, newest = await store.list()
    assert all(key.is_revoked for key in gone)
    assert newest.expires_at == NOON + 10 * DAY
    await do(store, "rotate --id ci --expires 20d", NOON + 3)
    assert (await store.list())[-1].expires_at == NOON + 3 + 20 * DAY


@pytest.mark.anyio
async def test_revoking_again_is_no_error() -> None:
    store = FakeKeyStore()
    await do(store, "new --id ci --group team")

    assert "revoked: ci" in await do(store, "revoke --id ci")
    assert "was revoked before" in await do(store, "revoke --id ci")


@pytest.mark.anyio
async def test_forgetting_looks_again_for_records_that_come_with_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keys, "SETTLE_SECONDS", 0.0)
    store = FakeKeyStore()
    await do(store, "new --id jo --group team --owner Jo")
    said = await do(store, "forget --id jo")

    (key,) = await store.list()
    assert key.id.startswith("forgotten-")
    assert key.id in said
    assert (key.owner, key.created_by, key.is_revoked) == ("", "", True)
    assert store.renamed == [("jo", key.id)] * 2


@pytest.mark.anyio
async def test_a_list_shows_no_digest_and_nothing_a_terminal_acts_upon() -> None:
    store = FakeKeyStore()
    key = a_stored_key(id="a", owner="x\x1b[2J", budget=Budget(Period.DAY, nano_aiu=10**8))
    await store.add(key)
    await store.add(a_stored_key(id="b", expires_at=NOON))

    table = await do(store, "list")
    header, first, second = table.splitlines()
    assert header.split()[:4] == ["id", "group", "account", "state"]
    assert "valid" in first
    assert "x?[2J" in first
    assert "expired" in second
    (found, _) = json.loads(await do(store, "list --format json"))
    assert found["budget"]["credits"] == 0.1
    assert found["created_at"] == "2026-11-25T12:00:00+00:00"
    for text in (table, json.dumps(found)):
        assert key.sha256[:8] in text
        assert key.sha256[:9] not in text
    assert len(as_table((), NOON).splitlines()) == 1


def test_a_token_callers_records_can_be_forgotten_and_it_has_no_key_to_make() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser, _identifier, lambda _: None)
    holder = "jwt:system:serviceaccount:ci:bot"
    assert parser.parse_args(["forget", "--id", holder]).id == holder
    for arguments in (
        ["new", "--id", holder],
        ["forget", "--id", "a b"],
        ["forget", "--id", "x:y"],
    ):
        with pytest.raises(SystemExit):
            parser.parse_args(arguments)
