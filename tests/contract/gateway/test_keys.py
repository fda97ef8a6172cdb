"""The contract of the KeyStore port: in memory, on SQLite and on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.adapters.ledger.sql_ledger import SqlLedger
from gateway.domain.api_keys import Rate
from gateway.domain.budgets.budget import Budget
from gateway.domain.budgets.period import Period
from gateway.domain.stored_keys import StoredKey
from gateway.ports.keys import KeyIdTaken, KeyStore
from tests.fakes.ledger_records import NOON
from tests.fakes.stored_keys import FakeKeyStore, a_stored_key
from tests.servers.postgres_server import PostgresServer

pytestmark = pytest.mark.anyio

LATER = NOON + 100.0
EVERYTHING = {
    "account_id": "seat-1",
    "owner": "Jo Größe 🙂",
    "expires_at": NOON + 0.5,
    "max_concurrency": 3,
    "max_waiting": 7,
    "may_mark_agent": True,
    "rate": Rate(60, None),
    "budget": Budget(Period.DAY, 1, 2**40, 2**53, is_shadow=True, refuses_unknown=True),
}


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[KeyStore]:
    if request.param == "memory":
        yield FakeKeyStore()
        return
    url = f"sqlite:///{tmp_path}/usage.db"
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.create_database()
    ledger = SqlLedger(url)
    made = ledger.keys()
    await made.prepare()
    yield made
    await ledger.close()


async def one(store: KeyStore, key_id: str) -> StoredKey:
    (key,) = await store.named(key_id)
    return key


# --- adding and reading -------------------------------------------------------------------------


async def test_at_first_there_is_nothing(store: KeyStore) -> None:
    changes = await store.changed_since(0)
    assert (changes.number, list(changes.keys), changes.is_all) == (0, [], True)
    assert not changes.is_older
    assert list(await store.list()) == list(await store.named("ci-bot")) == []


@pytest.mark.parametrize(
    "key",
    [
        a_stored_key(),
        a_stored_key(**EVERYTHING),
        a_stored_key(rate=Rate(None, 1), budget=Budget(Period.MONTH, tokens=5)),
    ],
    ids=["plain", "everything", "some"],
)
async def test_a_key_is_kept_field_by_field(store: KeyStore, key: StoredKey) -> None:
    await store.add(key)

    assert replace(await one(store, key.id), number=0) == key
    assert list((await store.changed_since(0)).keys) == await store.list()


async def test_an_id_is_given_once_also_after_a_revocation(store: KeyStore) -> None:
    await store.add(a_stored_key(id="a"))
    with pytest.raises(KeyIdTaken):
        await store.add(a_stored_key(id="a"))
    await store.revoke("a", "root", LATER)
    with pytest.raises(KeyIdTaken):
        await store.add(a_stored_key(id="a"))
    assert len(await store.list()) == 1


async def test_keys_are_listed_by_id_and_age(store: KeyStore) -> None:
    for key_id in "bca":
        await store.add(a_stored_key(id=key_id))
    await store.rotate(a_stored_key(id="a", created_at=LATER), "root", LATER, None)

    listed = await store.list()
    assert [key.id for key in listed] == ["a", "a", "b", "c"]
    assert [key.created_at for key in listed[:2]] == [NOON, LATER]


@pytest.mark.parametrize("text", ["'; DROP TABLE api_keys; --", '" OR 1=1', "%", "a' OR 'a'='a"])
async def test_what_looks_like_sql_is_text(store: KeyStore, text: str) -> None:
    other = a_stored_key(owner=text)
    await store.add(other)

    assert list(await store.named(text)) == []
    assert await store.revoke(text, text, LATER) == 0
    assert await store.forget(text, text, text, LATER) is None
    assert (await one(store, other.id)).owner == text
    await store.add(a_stored_key(id=text))
    assert await store.revoke(text, text, LATER) == 1
    assert not (await one(store, other.id)).is_revoked


# --- changes by number --------------------------------------------------------------------------


async def test_each_change_is_seen_once_and_in_order(store: KeyStore) -> None:
    first, second = a_stored_key(), a_stored_key()
    await store.add(first)
    await store.add(second)
    seen = await store.changed_since(0)
    assert [key.id for key in seen.keys] == [first.id, second.id]
    assert list((await store.changed_since(seen.number)).keys) == []

    await store.revoke(first.id, "root", LATER)
    changed = await store.changed_since(seen.number)
    assert [(key.id, key.is_revoked) for key in changed.keys] == [(first.id, True)]
    again = await store.changed_since(changed.number)
    assert (again.number, list(again.keys)) == (changed.number, [])


async def test_many_are_read_part_by_part(store: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.adapters.ledger.sql_keys.MOST_KEYS", 3)
    if isinstance(store, FakeKeyStore):
        store.most = 3
    ids = [f"k{number}" for number in range(7)]
    for key_id in ids:
        await store.add(a_stored_key(id=key_id))

    found: list[str] = []
    number, is_all = 0, False
    while not is_all:
        changes = await store.changed_since(number)
        assert len(changes.keys) <= 3
        found += [key.id for key in changes.keys]
        number, is_all = changes.number, changes.is_all
    assert found == [key.id for key in await store.list()] == ids


async def test_a_database_that_knows_less_says_so(store: KeyStore) -> None:
    await store.add(a_stored_key())

    assert (await store.changed_since(5)).is_older


async def test_whoever_reads_while_many_write_misses_nothing(store: KeyStore) -> None:
    seen: list[str] = []

    async def write(name: str) -> None:
        for number in range(20):
            await store.add(a_stored_key(id=f"{name}{number}"))

    async def read() -> None:
        number = 0
        async with asyncio.timeout(30):
            while len(seen) < 60:
                changes = await store.changed_since(number)
                number = changes.number
                seen.extend(key.id for key in changes.keys)
                await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read())
        for name in "abc":
            tasks.create_task(write(name))
    assert len(set(seen)) == 60


# --- taking back and replacing ------------------------------------------------------------------


async def test_a_key_is_revoked_once_with_who_and_when(store: KeyStore) -> None:
    await store.add(a_stored_key(id="a"))

    assert await store.revoke("a", "jo", LATER) == 1
    assert await store.revoke("a", "somebody", LATER + 1) == 0
    assert await store.revoke("b", "jo", LATER) == 0
    key = await one(store, "a")
    assert (key.revoked_at, key.revoked_by) == (LATER, "jo")


async def test_rotation_revokes_at_once_or_lets_the_old_one_end(store: KeyStore) -> None:
    old, new, newest = (a_stored_key(id="a", created_at=NOON + number) for number in range(3))
    await store.add(old)
    before = (await store.changed_since(0)).number

    assert await store.rotate(new, "jo", LATER, LATER + 60) == 1
    found = await store.named("a")
    assert [(key.sha256, key.expires_at) for key in found] == [
        (old.sha256, LATER + 60),
        (new.sha256, None),
    ]
    assert len((await store.changed_since(before)).keys) == 2
    assert await store.rotate(newest, "jo", LATER, None) == 2
    assert [key.is_revoked for key in await store.list()] == [True, True, False]


async def test_rotation_makes_nothing_live_longer(store: KeyStore) -> None:
    await store.add(a_stored_key(id="a", expires_at=LATER + 5))
    await store.rotate(a_stored_key(id="a"), "jo", LATER, LATER + 60)

    assert (await store.named("a"))[0].expires_at == LATER + 5


async def test_what_is_revoked_or_not_there_is_not_rotated(store: KeyStore) -> None:
    await store.add(a_stored_key(id="a"))
    await store.revoke("a", "root", LATER)

    assert await store.rotate(a_stored_key(id="a"), "jo", LATER, None) == 0
    assert await store.rotate(a_stored_key(id="b"), "jo", LATER, None) == 0
    assert len(await store.list()) == 1


async def test_forgetting_leaves_nothing_of_who_it_was(store: KeyStore) -> None:
    kept, gone = a_stored_key(), a_stored_key(id="jo.doe", owner="Jo Doe", created_by="jo")
    await store.add(kept)
    await store.add(gone)
    before = (await store.changed_since(0)).number

    done = await store.forget("jo.doe", "forgotten-1", "root", LATER)
    assert done is not None
    assert (done.name, done.keys, done.records) == ("forgotten-1", 1, 0)
    key = await one(store, "forgotten-1")
    assert (key.owner, key.created_by, key.sha256) == ("", "", gone.sha256)
    assert (key.revoked_at, key.revoked_by) == (LATER, "root")
    assert [each.id for each in (await store.changed_since(before)).keys] == ["forgotten-1"]
    assert not (await one(store, kept.id)).is_revoked
    assert await store.forget("jo.doe", "forgotten-2", "root", LATER) is None
