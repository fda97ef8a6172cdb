"""The accounts' records in Valkey, as values of the domain: one method per script in lua/.

Seals and opens, and turns the store's clock into ours. Whether the store can be used at the
moment, and what to do when it cannot, is shared_store's.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.valkey.server import Connection
from token_service.adapters.sealing import CannotOpen, Keyring
from token_service.domain import records
from token_service.domain.failures import Failure
from token_service.domain.holding import Held
from token_service.domain.records import MICROSECONDS, RecordRefusal
from token_service.domain.tokens import Account, CopilotToken
from token_service.ports.clock import Clock

# A record outlives the longest token by far: its number and its failures are worth keeping. An
# account that is gone from every replica's configuration leaves nothing behind after that.
KEEP_MILLISECONDS = 48 * 3600 * 1000
FINGERPRINT_BYTES = 32
# Of a generation below 2**53, and of microseconds until the year 2286.
MOST_DIGITS = 16


def _scripts() -> dict[str, str]:
    place = Path(__file__).parent / "lua"
    before = (place / "_view.lua").read_text()
    return {
        file.stem: before + file.read_text()
        for file in sorted(place.glob("*.lua"))
        if not file.stem.startswith("_")
    }


SCRIPTS = _scripts()
# Stands alone: it is about no record.
TURN = (Path(__file__).parent / "lua" / "_turn.lua").read_text()


@dataclass(frozen=True)
class Sighting:
    """What lay in the store at one moment.

    verdict     the script's word for what it did
    held        what of it can be used, in this process's time
    generation  of the newest token, whether it can be used or not; 0 for none
    history     the store's history of writes, and `written_in` that of the record
    store_now   microseconds by the store's clock, at `seen_at` of ours at the latest
    refused     why the record was not used, if it was not
    """

    verdict: str
    held: Held
    generation: int
    history: str
    written_in: str
    store_now: int
    seen_at: float
    refused: RecordRefusal | None = None

    @property
    def is_continuous(self) -> bool:
        """Whether nothing that was written after the record can have been lost."""
        return self.history != "" and self.history == self.written_in

    def store_time(self, monotonic: float) -> int:
        """That moment by the store's clock, in microseconds; rather too early than too late."""
        return self.store_now + int((monotonic - self.seen_at) * MICROSECONDS)


@dataclass(frozen=True)
class _View:
    """A script's answer as it came."""

    verdict: str
    now: int
    history: str
    generation: int
    written_in: str
    token_id: str
    token: bytes | None = field(repr=False)
    strikes: int
    rejected_at: int | None
    failure: bytes | None
    failed_until: int | None
    was_foreign: bool


class ValkeyShelf:
    """Every method raises StoreDown, ScriptFailed; may be cancelled; none is bounded in time."""

    def __init__(
        self, connection: Connection, namespace: str, keyring: Keyring, clock: Clock
    ) -> None:
        self._connection = connection
        self._namespace = namespace
        self._keyring = keyring
        self._clock = clock
        self.channel = channel_of(namespace)

    @property
    def is_sealed(self) -> bool:
        """Whether nobody can read a record without a key."""
        return self._keyring.is_sealed

    async def load(self, account: Account) -> Sighting:
        return await self._run("load", account)

    async def claim(self, account: Account, owner: str, seconds: float) -> Sighting:
        return await self._run("claim", account, owner, _milliseconds(seconds))

    async def extend(self, account: Account, owner: str, seconds: float) -> Sighting:
        return await self._run("extend", account, owner, _milliseconds(seconds))

    async def release(self, account: Account, owner: str) -> Sighting:
        return await self._run("release", account, owner, self.channel, account.id)

    async def keep(
        self, account: Account, owner: str, seen: Sighting, token: CopilotToken
    ) -> Sighting:
        """seen: the last look under the claim; the token's number follows from it."""
        arguments = (owner, seen.generation, seen.history, *self._written(account, token, seen))
        return await self._run("keep", account, *arguments)

    async def offer(self, account: Account, seen: Sighting, token: CopilotToken) -> Sighting:
        return await self._run("offer", account, *self._written(account, token, seen))

    async def fail(
        self, account: Account, owner: str, seen: Sighting, failure: Failure
    ) -> Sighting:
        fingerprint = self._keyring.sealing.fingerprint(account.credential_digest)
        content = records.failure_to_bytes(failure, fingerprint)
        until = seen.store_time(failure.until)
        arguments = (owner, seen.generation, content, until, KEEP_MILLISECONDS)
        return await self._run("fail", account, *arguments, self.channel, account.id)

    async def reject(self, account: Account, token_id: str) -> Sighting:
        return await self._run("reject", account, token_id, self.channel, account.id)

    async def forget(self, account: Account) -> Sighting:
        return await self._run("forget", account, self.channel, account.id)

    async def turn(self, account: Account, owner: str, seconds: float) -> float:
        """Take or keep the turn to ask for the account's quotas: 0, or the seconds until the
        one who has it loses it."""
        key = f"{{{self._namespace}:{account.id}}}:quotas"
        left = await self._connection.run(TURN, (key,), (owner, _milliseconds(seconds)))
        return int(left) / 1000

    # --- to and from the wire -----------------------------------------------------------------

    async def _run(self, name: str, account: Account, *arguments: Any) -> Sighting:
        # One hash tag, so that a cluster keeps both keys on one node.
        tag = f"{{{self._namespace}:{account.id}}}"
        before = self._clock.monotonic()
        keys = (f"{tag}:record", f"{tag}:claim")
        view = _view(await self._connection.run(SCRIPTS[name], keys, arguments))
        return self._sighting(account, view, before, self._clock.monotonic())

    def _written(self, account: Account, token: CopilotToken, seen: Sighting) -> tuple[Any, ...]:
        key = self._keyring.sealing
        fingerprint = key.fingerprint(account.credential_digest)
        obtained = seen.store_time(token.obtained)
        bound = records.bound_to(self._namespace, account, token.generation, fingerprint)
        record = fingerprint + key.seal(records.token_to_bytes(token, obtained), bound)
        due = obtained + int(token.refresh_after * MICROSECONDS)
        what = (token.generation, due, token.token_id, record, KEEP_MILLISECONDS)
        return (*what, self.channel, account.id)

    def _sighting(self, account: Account, view: _View, before: float, after: float) -> Sighting:
        # What was dropped was nobody's of ours: somebody else writes to the store.
        refused = RecordRefusal.FORGED if view.was_foreign else None
        token = None
        try:
            token = self._opened(account, view, before)
        except CannotOpen as error:
            refused = error.why

        def ours(store_time: int | None) -> float | None:
            return None if store_time is None else before + (store_time - view.now) / MICROSECONDS

        failure = self._failure(account, view, ours(view.failed_until))
        held = Held(token, failure)
        if token is not None:
            held = Held(token, failure, ours(view.rejected_at), view.strikes)
        return Sighting(
            verdict=view.verdict,
            held=held,
            generation=view.generation,
            history=view.history,
            written_in=view.written_in,
            store_now=view.now,
            seen_at=after,
            refused=refused,
        )

    def _opened(self, account: Account, view: _View, before: float) -> CopilotToken | None:
        """The record's token. Raises CannotOpen."""
        if view.token is None:
            return None
        fingerprint, sealed = view.token[:FINGERPRINT_BYTES], view.token[FINGERPRINT_BYTES:]
        key = self._keyring.key_of(sealed)
        # Bound to the account first: what was sealed for another is no change of credentials.
        bound = records.bound_to(self._namespace, account, view.generation, fingerprint)
        content = key.open(sealed, bound)
        if key.fingerprint(account.credential_digest) != fingerprint:
            raise CannotOpen(RecordRefusal.OTHER_CREDENTIAL)
        try:
            token = records.token_from_bytes(content, account.id, view.generation, before, view.now)
        except (ValueError, OverflowError):
            raise CannotOpen(RecordRefusal.FORGED) from None
        if token.token_id != view.token_id:
            raise CannotOpen(RecordRefusal.FORGED)
        return token

    def _failure(self, account: Account, view: _View, until: float | None) -> Failure | None:
        if view.failure is None or until is None:
            return None
        mine = self._keyring.fingerprints(account.credential_digest)
        try:
            return records.failure_from_bytes(view.failure, until, mine)
        except ValueError:
            return None


def channel_of(namespace: str) -> str:
    """Where the replicas of one deployment tell each other what changed."""
    return f"{{{namespace}}}:changes"


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))


def _view(answer: Any) -> _View:
    verdict, now, history, *fields, was_foreign = answer
    generation, written_in, token_id, token, strikes, rejected_at, failure, failed_until = fields
    return _View(
        verdict=verdict.decode(),
        now=int(now),
        history=history.decode(),
        generation=_number(generation) or 0,
        written_in=(written_in or b"").decode("ascii", "replace"),
        token_id=(token_id or b"").decode("ascii", "replace"),
        token=token,
        strikes=_number(strikes) or 0,
        rejected_at=_number(rejected_at),
        failure=failure,
        failed_until=_number(failed_until),
        was_foreign=was_foreign == 1,
    )


def _number(field: bytes | None) -> int | None:
    """The field as a number; None for none, and for what no replica writes."""
    if field is None or not field.isdigit() or len(field) > MOST_DIGITS:
        return None
    return int(field)
