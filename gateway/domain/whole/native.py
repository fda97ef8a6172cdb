"""An Anthropic body as a chat completion.

Copilot answers some Claude models' chat requests with it (copilot-upstream.md §6.3). What becomes
of it is what becomes of every Messages answer that a chat caller gets, with two differences: it
stays the answer and the model that upstream says it is, and the signature of its thinking is left
out, since the next request goes to chat again, which has no place for it.
"""

import msgspec

from gateway.domain.translation.chat_over_messages import whole


def as_chat(body: bytes, created: int) -> bytes:
    """The same answer as a chat completion. created: seconds since the epoch.

    Raises GatewayError (UPSTREAM_BAD_ANSWER).
    """
    answer, blocks = whole.read(body)
    frame = {"id": answer.id, "created": created, "model": answer.model}
    return msgspec.json.encode(whole.completion(answer, whole.message_of(blocks), frame))
