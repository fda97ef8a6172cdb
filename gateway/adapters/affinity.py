"""Where conversations live, as one process remembers it. Knows no store."""

from collections import OrderedDict

from gateway.ports.clock import Clock
from gateway.ports.shared_state import Bond

KEEP_SECONDS = 3600.0
"""After a conversation's last turn: upstream's own cache of its prompt is long gone by then."""
MOST_CONVERSATIONS = 100_000


def moved_from(account: str, leaving: str | None) -> bool:
    """Whether a conversation that comes to live on the account has lived elsewhere."""
    return leaving is not None and leaving != account


def settled(bond: Bond | None, account: str, leaving: str | None) -> Bond:
    """The bond after a conversation is to live on an account, and leave another one."""
    if bond is None or (bond.account == leaving and bond.account != account):
        return Bond(account, moved_from(account, leaving))
    return bond


class MemoryAffinity:
    """The Affinity port for a process that is alone; the longest unused bond goes first."""

    remembers = True

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._bonds: OrderedDict[bytes, tuple[Bond, float]] = OrderedDict()

    async def find(self, conversation: bytes) -> Bond | None:
        """See ports.shared_state.Affinity."""
        return self.known(conversation)

    async def settle(self, conversation: bytes, account: str, leaving: str | None) -> Bond:
        """See ports.shared_state.Affinity."""
        bond = settled(self.known(conversation), account, leaving)
        self.keep(conversation, bond)
        return bond

    def known(self, conversation: bytes) -> Bond | None:
        """The bond, whose hour begins anew."""
        found = self._bonds.get(conversation)
        if found is None:
            return None
        bond, until = found
        now = self._clock.monotonic()
        if until <= now:
            del self._bonds[conversation]
            return None
        self._put(conversation, bond, now)
        return bond

    def keep(self, conversation: bytes, bond: Bond) -> None:
        """Remember the bond for its hour."""
        self._put(conversation, bond, self._clock.monotonic())
        if len(self._bonds) > MOST_CONVERSATIONS:
            self._bonds.popitem(last=False)

    def _put(self, conversation: bytes, bond: Bond, now: float) -> None:
        self._bonds[conversation] = bond, now + KEEP_SECONDS
        self._bonds.move_to_end(conversation)
