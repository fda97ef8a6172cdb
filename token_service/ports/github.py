"""GitHub over HTTP."""

from collections.abc import Mapping
from typing import Any, Protocol

from token_service.domain.answers import Answer


class GitHub(Protocol):
    """GitHub over HTTP.

    All raise GitHubUnavailable when there is no answer at all; every answer is returned,
    redirects included. All end within the configured time.
    """

    async def get(self, url: str, headers: dict[str, str]) -> Answer:
        """One GET."""
        ...

    async def post_form(self, url: str, fields: dict[str, str]) -> Answer:
        """One POST of a form, asking for JSON."""
        ...

    async def post_json(
        self, url: str, headers: dict[str, str], content: Mapping[str, Any]
    ) -> Answer:
        """One POST of a JSON object."""
        ...
