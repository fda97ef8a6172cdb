"""Callers for tests of the RPC: an authenticator that says what it is told, an audit to look at."""

from token_service.domain.callers import LOCAL_CALLER, Caller, Presented


class FakeAuthenticator:
    """Whoever calls is `caller`, or is refused with the error."""

    def __init__(self, caller: Caller | Exception = LOCAL_CALLER) -> None:
        self.caller = caller

    async def identify(self, presented: Presented) -> Caller:
        if isinstance(self.caller, Exception):
            raise self.caller
        return self.caller


class FakeAudit:
    """Remembers every line."""

    def __init__(self) -> None:
        self.grants: list[tuple[str, str, str, str, int]] = []
        self.refusals: list[tuple[str, str, str, str]] = []

    def granted(
        self, caller: str, method: str, account: str, token_id: str, generation: int
    ) -> None:
        self.grants.append((caller, method, account, token_id, generation))

    def refused(self, caller: str, method: str, account: str, reason: str) -> None:
        self.refusals.append((caller, method, account, reason))
