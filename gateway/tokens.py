"""USE CASE: people and pods who call with a JWT: whose it is, and what that leads to.

The verifier believes a token or does not; rules of the configuration say what its claims give.
Keeps nothing of a token.
"""

from gateway.domain.api_keys import ApiKey
from gateway.domain.jwt_claims import CallerRules, caller
from gateway.ports.keys import TokenVerifier


class JwtCallers:
    """Callers by their tokens; the rules can be replaced while requests are served."""

    def __init__(self, verifier: TokenVerifier, rules: CallerRules) -> None:
        self._verifier = verifier
        self._rules = rules

    def looks_like(self, text: str) -> bool:
        """Whether what was presented is meant as a token; else it is a key, right or wrong."""
        return self._verifier.looks_like(text)

    async def caller(self, text: str) -> ApiKey:
        """The key of the moment. Nothing is awaited after the rules were looked at.

        Raises GatewayError (CALLER_KEY_TOKEN, POLICY_TOKEN, GATEWAY_ISSUER).
        """
        claims = await self._verifier.verify(text)
        return caller(claims, self._rules)

    def replace(self, rules: CallerRules) -> None:
        """These count from now on, also for tokens that were seen before."""
        self._rules = rules
