"""Turns of a Messages conversation, built from what comes one after the other.

Items of one role in a row are one turn. Anthropic wants the results of all calls of a turn at the
beginning of the next one, wherever a Responses input has them, so these are known before.
"""

from collections.abc import Mapping
from typing import Any

from gateway.domain.translation.messages_over_responses.fields import Fields
from gateway.domain.translation.reading import invalid

Block = dict[str, Any]
Message = dict[str, Any]

USER, ASSISTANT = "user", "assistant"


class Turns:
    """The turns so far."""

    def __init__(self, results: Mapping[str, Block]) -> None:
        """results: for each call's id, in the order in which they were given."""
        self.messages: list[Message] = []
        self._results = results
        self._places = {call_id: place for place, call_id in enumerate(results)}
        self._called: dict[str, Fields] = {}
        """Calls of the last turn, whose results are still to come."""
        self._answered: set[str] = set()

    def user(self, blocks: list[Block]) -> None:
        """A user says this."""
        if blocks:
            self._settle()
            self._add(USER, blocks)

    def assistant(self, blocks: list[Block]) -> None:
        """The assistant said this."""
        self._add(ASSISTANT, blocks)

    def call(self, call_id: str, block: Block, item: Fields) -> None:
        """The assistant called a tool. Raises GatewayError for a call without a result."""
        if call_id not in self._results:
            raise invalid(item.at("call_id"), "there is no output for this call")
        self._called[call_id] = item
        self._add(ASSISTANT, [block])

    def result(self, call_id: str, item: Fields) -> None:
        """Here is the result of a call. Raises GatewayError when it was not called before."""
        self._settle()
        if call_id not in self._answered:
            raise invalid(item.at("call_id"), "there is no call for this output")

    def _settle(self) -> None:
        """The results of what was called last."""
        if self._called:
            given = sorted(self._called, key=self._places.__getitem__)
            self._add(USER, [self._results[call_id] for call_id in given])
        self._answered |= self._called.keys()
        self._called = {}

    def _add(self, role: str, blocks: list[Block]) -> None:
        if not blocks:
            return
        if not self.messages or self.messages[-1]["role"] != role:
            self.messages.append({"role": role, "content": []})
        self.messages[-1]["content"] += blocks
