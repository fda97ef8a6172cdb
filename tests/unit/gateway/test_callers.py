"""Who calls, by what they present, and which of those who are turned away count as guessing."""

import pytest

from gateway.callers import Callers
from gateway.domain.api_keys import ApiKey, digest
from gateway.domain.errors import Fault, GatewayError
from gateway.guesses import Guesses
from gateway.keys import Keys
from tests.fakes.clock import FakeClock
from tests.fakes.key_events import RecordedKeyEvents
from tests.fakes.ledger_records import NOON
from tests.fakes.stored_keys import FakeKeyStore, a_stored_key

pytestmark = pytest.mark.anyio

ADDRESS = "192.0.2.7"
OF_FILE = ApiKey("ci", "team", None, NOON + 60, may_mark_agent=False, sha256=digest("of the file"))


class Known:
    """One key of the configuration, one of the database, and one that was taken back there."""

    def __init__(self) -> None:
        self.store, self.clock = FakeKeyStore(), FakeClock(NOON)
        file = {OF_FILE.sha256: OF_FILE}
        self.keys = Keys(file, self.store, lambda _: None, RecordedKeyEvents(), lambda: 0.5)
        self.guesses = Guesses(self.clock)
        self.callers = Callers(self.keys, None, self.guesses, self.clock)

    async def read(self) -> None:
        await self.store.add(a_stored_key(id="bot", sha256=digest("of the database")))
        await self.store.add(a_stored_key(id="old", sha256=digest("taken back")))
        await self.store.revoke("old", "root", NOON)
        assert await self.keys.refresh()

    async def refusal(self, presented: str) -> Fault:
        with pytest.raises(GatewayError) as caught:
            await self.callers.identify(presented, ADDRESS)
        return caught.value.fault


async def test_a_key_is_known_wherever_it_was_made() -> None:
    known = Known()
    await known.read()
    assert await known.callers.identify("of the file", ADDRESS) is OF_FILE
    assert (await known.callers.identify("of the database", ADDRESS)).id == "bot"


async def test_a_key_that_has_ended_is_refused_and_is_no_guess() -> None:
    known = Known()
    await known.read()
    await known.clock.advance(60)
    assert await known.refusal("of the file") is Fault.CALLER_KEY_EXPIRED
    assert await known.refusal("taken back") is Fault.CALLER_KEY_REVOKED
    assert len(known.guesses) == 0


async def test_what_nobody_knows_is_a_guess() -> None:
    known = Known()
    await known.read()
    assert await known.refusal("of nobody") is Fault.CALLER_KEY_UNKNOWN
    assert len(known.guesses) == 1


async def test_what_cannot_be_known_yet_is_not_called_unknown() -> None:
    known = Known()
    assert await known.refusal("of the database") is Fault.GATEWAY_KEYS
    assert len(known.guesses) == 0
