"""The GitHub port with scripted answers."""

from collections import deque
from collections.abc import Mapping
from typing import Any

from token_service.domain.answers import Answer


class FakeGitHub:
    """Gives the scripted answers in order and remembers what it was asked."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self.script: deque[Answer | Exception] = deque(answers)
        self.gets: list[tuple[str, dict[str, str]]] = []
        self.posts: list[tuple[str, dict[str, str]]] = []
        self.json_posts: list[tuple[str, dict[str, str], dict[str, Any]]] = []

    async def get(self, url: str, headers: dict[str, str]) -> Answer:
        self.gets.append((url, headers))
        return self._next()

    async def post_form(self, url: str, fields: dict[str, str]) -> Answer:
        self.posts.append((url, fields))
        return self._next()

    async def post_json(
        self, url: str, headers: dict[str, str], content: Mapping[str, Any]
    ) -> Answer:
        self.json_posts.append((url, headers, dict(content)))
        return self._next()

    def _next(self) -> Answer:
        step = self.script.popleft()
        if isinstance(step, Exception):
            raise step
        return step
