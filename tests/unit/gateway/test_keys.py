"""The keys a gateway knows: the configuration's and the database's, while either changes."""

import asyncio
from collections.abc import Mapping

import pytest

from gateway.domain.api_keys import ApiKey
from gateway.keys import Keys
from tests.fakes.key_events import RecordedKeyEvents
from tests.fakes.ledger_records import NOON
from tests.fakes.stored_keys import FakeKeyStore, a_stored_key

pytestmark = pytest.mark.anyio


def a_file_key(key_id: str, sha256: str) -> ApiKey:
    return ApiKey(key_id, "team", None, None, may_mark_agent=False, sha256=sha256)


class Known:
    """Keys with a database in memory, and what they told."""

    def __init__(self, file: Mapping[str, ApiKey] | None = None) -> None:
        self.store, self.events, self.gone = FakeKeyStore(), RecordedKeyEvents(), list[str]()
        self.keys = Keys(file or {}, self.store, self.gone.append, self.events, lambda: 0.5)

    async def add(self, key_id: str = "a") -> str:
        """A key in the database; its digest."""
        key = a_stored_key(id=key_id)
        await self.store.add(key)
        return key.sha256


async def test_a_key_of_the_database_is_found_once_that_was_read() -> None:
    known = Known()
    digest = await known.add()
    assert known.keys.find(digest) is None
    assert not known.keys.is_complete

    assert await known.keys.refresh()
    found = known.keys.find(digest)
    assert found is not None
    assert (found.id, found.group, found.sha256) == ("a", "engineering", digest)
    assert known.keys.is_complete
    assert known.keys.find("0" * 64) is None
    assert known.keys.members("engineering") == 1


async def test_without_a_database_all_is_known_at_once() -> None:
    keys = Keys(
        {"d": a_file_key("f", "d")}, None, list[str]().append, RecordedKeyEvents(), lambda: 0.5
    )

    assert keys.is_complete
    assert await keys.refresh()
    assert await keys.loaded(0.0)
    assert keys.find("d") is not None
    await keys.run()


async def test_an_empty_database_is_complete_too() -> None:
    known = Known()
    assert await known.keys.refresh()
    assert known.keys.is_complete
    assert known.events.all == [("fresh",)]


async def test_a_revoked_key_is_gone_and_told_from_an_unknown_one() -> None:
    known = Known()
    digest = await known.add()
    await known.keys.refresh()
    await known.store.revoke("a", "root", NOON)
    await known.keys.refresh()

    assert known.keys.find(digest) is None
    assert known.keys.revoked(digest)
    assert not known.keys.revoked("0" * 64)
    assert known.gone == [digest]
    await known.keys.refresh()
    assert known.gone == [digest]


async def test_a_key_that_ends_later_changes_and_is_not_gone() -> None:
    known = Known()
    digest = await known.add()
    await known.keys.refresh()
    await known.store.rotate(a_stored_key(id="a"), "root", NOON, NOON + 60)
    await known.keys.refresh()

    found = known.keys.find(digest)
    assert found is not None
    assert found.expires_at == NOON + 60
    assert known.gone == []


async def test_while_the_database_is_down_what_is_known_goes_on() -> None:
    known = Known()
    digest = await known.add()
    await known.keys.refresh()
    known.store.is_down = True

    assert not await known.keys.refresh()
    assert known.keys.find(digest) is not None
    assert known.keys.is_complete
    known.store.is_down = False
    await known.store.revoke("a", "root", NOON)
    assert await known.keys.refresh()
    assert known.gone == [digest]
    kinds = [event[0] for event in known.events.all]
    assert kinds == ["read", "fresh", "stale", "read", "fresh"]


async def test_a_database_that_was_never_reached_leaves_it_incomplete() -> None:
    known = Known({"d": a_file_key("f", "d")})
    known.store.is_down = True

    assert not await known.keys.refresh()
    assert not known.keys.is_complete
    assert not await known.keys.loaded(0.01)
    assert known.keys.find("d") is not None


async def test_the_configurations_key_counts_before_the_databases() -> None:
    known = Known()
    digest = await known.add()
    await known.keys.refresh()
    known.keys.replace_file({digest: a_file_key("f", digest)})

    found = known.keys.find(digest)
    assert found is not None
    assert found.id == "f"
    await known.store.revoke("a", "root", NOON)
    await known.keys.refresh()
    assert known.keys.find(digest) is found
    assert not known.keys.revoked(digest)
    assert known.gone == []
    known.keys.replace_file({})
    assert known.keys.revoked(digest)


async def test_an_id_of_the_configuration_shadows_the_databases_and_is_told_once() -> None:
    known = Known({"d": a_file_key("a", "d")})
    digest = await known.add("a")
    await known.keys.refresh()
    assert known.keys.find(digest) is None
    known.keys.replace_file({"e": a_file_key("a", "e")})
    await known.store.rotate(a_stored_key(id="a"), "root", NOON, NOON + 60)
    await known.keys.refresh()
    assert [event for event in known.events.all if event[0] == "shadowed"] == [("shadowed", "a")]

    known.keys.replace_file({})
    assert known.keys.find(digest) is not None


async def test_many_keys_are_read_part_by_part() -> None:
    known = Known()
    known.store.most = 3
    digests = [await known.add(f"k{number}") for number in range(8)]

    assert await known.keys.refresh()
    assert all(known.keys.find(digest) for digest in digests)
    assert known.events.all == [("read", 8, 8), ("fresh",)]


async def test_a_database_that_was_restored_is_read_anew_and_what_is_not_in_it_goes() -> None:
    known = Known()
    kept, lost = await known.add("a"), await known.add("b")
    revoked = await known.add("c")
    await known.store.revoke("c", "root", NOON)
    await known.keys.refresh()
    known.gone.clear()
    known.store.remove(lost)
    known.store.remove(revoked)
    known.store.number = 1

    assert await known.keys.refresh()
    assert known.keys.find(kept) is not None
    assert known.keys.find(lost) is None
    assert not known.keys.revoked(revoked)
    assert known.gone == [lost]


async def test_it_is_read_first_and_whoever_waits_is_told() -> None:
    known = Known()
    digest = await known.add()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(known.keys.run())
        assert await known.keys.loaded(5.0)
        assert known.keys.find(digest) is not None
        running.cancel()


async def test_a_groups_keys_are_counted_as_they_come_and_go() -> None:
    known = Known()
    await known.add("a")
    await known.add("b")
    await known.keys.refresh()
    assert known.keys.members("engineering") == 2
    await known.store.rotate(a_stored_key(id="a"), "root", NOON, NOON + 60)
    await known.keys.refresh()
    assert known.keys.members("engineering") == 3, "the key that ends soon has been counted twice"
    await known.store.revoke("a", "root", NOON)
    await known.keys.refresh()
    assert known.keys.members("engineering") == 1
    assert known.keys.members("nobody") == 0
