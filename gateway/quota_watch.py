"""USE CASE: what upstream says of accounts' quotas is reported whenever it changes.

Looks at the headers of every answer, success or error, so that it costs next to nothing while
they say the same. Knows no metric. Decides nothing: the figures lag (copilot-upstream.md §4.2).
"""

from collections.abc import Collection, Mapping

from gateway.domain.quotas import HEADERS, MAX_CHARACTERS, quota_in
from gateway.ports.events import GatewayEvents


class QuotaWatch:
    """Remembers the last text of each header by account: as many as the configuration has."""

    def __init__(self, events: GatewayEvents) -> None:
        self._events = events
        self._seen: dict[str, dict[str, str]] = {}

    def look(self, account: str, headers: Mapping[str, str]) -> None:
        """One answer's headers, by names in lower case. Neither waits nor raises.

        A header that is not there, as on an answer of a proxy's, changes nothing.
        """
        seen = self._seen.get(account)
        if seen is None:
            seen = self._seen[account] = {}
        changed = []
        for header in HEADERS:
            text = headers.get(header)
            if text is not None and seen.get(header) != text:
                changed.append((header, text))
        if changed:
            self._report(account, seen, changed)

    def keep_only(self, accounts: Collection[str]) -> None:
        """These are the accounts from now on; of others nothing is known any more."""
        for account in [each for each in self._seen if each not in accounts]:
            del self._seen[account]
            self._events.quota_seen(account, ())

    def _report(self, account: str, seen: dict[str, str], changed: list[tuple[str, str]]) -> None:
        for header, text in changed:
            # Also of what cannot be read, so that it is not read again; but not a page of it.
            seen[header] = text[:MAX_CHARACTERS]
        found = (quota_in(header, text) for header, text in changed)
        quotas = tuple(quota for quota in found if quota is not None)
        if quotas:
            self._events.quota_seen(account, quotas)
