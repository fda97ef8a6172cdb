"""USE CASE: who calls, by what they present: a key, or a person's or a pod's token.

A key costs one look-up. What is neither is counted as a guess, after it was looked up: whoever has
a good key is served whatever else comes from the same address.
"""

from gateway.domain import api_keys
from gateway.domain.api_keys import ApiKey
from gateway.domain.errors import Fault, GatewayError
from gateway.guesses import Guesses
from gateway.keys import Keys
from gateway.ports.clock import Clock
from gateway.tokens import JwtCallers

GUESSES = frozenset({Fault.CALLER_KEY_UNKNOWN, Fault.CALLER_KEY_TOKEN})


class Callers:
    """Knows callers. tokens: None where only keys count."""

    def __init__(
        self, keys: Keys, tokens: JwtCallers | None, guesses: Guesses, clock: Clock
    ) -> None:
        self._keys = keys
        self._tokens = tokens
        self._guesses = guesses
        self._clock = clock

    async def identify(self, presented: str, address: str) -> ApiKey:
        """Whose request it is. Raises GatewayError: CALLER_KEY_*, POLICY_TOKEN, POLICY_GUESSING,
        GATEWAY_KEYS, GATEWAY_ISSUER.

        address: as domain/client_address gives it.
        """
        digest = api_keys.digest(presented)
        key = self._keys.find(digest)
        try:
            if key is None:
                return await self._other(presented, digest)
            return api_keys.accept(key, presented, self._clock.now())
        except GatewayError as error:
            if error.fault in GUESSES:
                self._guesses.failed(address, digest)
            raise

    async def _other(self, presented: str, digest: str) -> ApiKey:
        """Of what is no key: a token, or nothing we know. Raises GatewayError."""
        if self._tokens is not None and self._tokens.looks_like(presented):
            return await self._tokens.caller(presented)
        return api_keys.accept(
            None,
            presented,
            self._clock.now(),
            is_revoked=self._keys.revoked(digest),
            is_complete=self._keys.is_complete,
        )
