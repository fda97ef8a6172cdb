"""OpenAI's encrypted reasoning, carried through a Messages conversation.

A Messages client keeps a thinking block's `signature` and a redacted block's `data`, and sends
both back as they were. That is where `encrypted_content` travels, behind a mark with a character
that Anthropic's, which are base64, never have: it is known again without any memory, and cannot be
taken for one of Anthropic's. Whoever sends a Messages history to Claude itself has to leave marked
blocks out, and whoever moves a conversation to another account has to as well.

The item's id does not travel. Copilot finds it in the encrypted content where none is sent, and
refuses one that is not the very same, or that has more than 64 characters, as Copilot's own have
(openclaw/openclaw #72602, #83221). Codex sends none either.
"""

from typing import Any

MARK = "responses:"
"""What stands before the encrypted content."""


def is_marked(text: object) -> bool:
    """Whether a signature, or a redacted block's data, was made here."""
    return isinstance(text, str) and text.startswith(MARK)


def signature_of(encrypted_content: str | None) -> str:
    """Encrypted content as a signature or as data; empty where there is none."""
    return MARK + encrypted_content if encrypted_content else ""


def item_of(thinking: str, signature: str) -> dict[str, Any] | None:
    """The reasoning item that a block stands for; None when another model thought it.

    thinking: the summary; empty where there was none.
    """
    if not is_marked(signature):
        return None
    summary = [{"type": "summary_text", "text": thinking}] if thinking else []
    encrypted = signature.removeprefix(MARK)
    return {"type": "reasoning", "summary": summary, "encrypted_content": encrypted}
