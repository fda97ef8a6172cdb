"""USE CASE of wrong keys: who shows too many of them is told to wait, and nobody else is.

Asked only where no key was found, so that no good key is ever refused for what others from the
same address have shown. Each process counts alone: a guess asks neither the store nor the database.
"""

from collections import OrderedDict

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.guesses import Suspect, judge
from gateway.ports.clock import Clock

MOST_ADDRESSES = 10_000
"""At most; then the one that has been quiet for longest goes. Some 5 MB."""
REFUSED = "Too many wrong API keys have come from this address; a good one is taken at once."


class Guesses:
    """Of all addresses, in this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._suspects: OrderedDict[str, Suspect] = OrderedDict()

    def __len__(self) -> int:
        """How many addresses are known."""
        return len(self._suspects)

    def failed(self, address: str, digest: str) -> None:
        """A key that is none was shown. Raises GatewayError (POLICY_GUESSING, with retry_after).

        address: as domain/client_address gives it. digest: the key's.
        """
        suspects = self._suspects
        suspect, seconds = judge(suspects.get(address), digest, self._clock.monotonic())
        suspects[address] = suspect
        suspects.move_to_end(address)
        if len(suspects) > MOST_ADDRESSES:
            suspects.popitem(last=False)
        if seconds:
            raise GatewayError(Fault.POLICY_GUESSING, REFUSED, retry_after=seconds)
