"""Chat's sealed reasoning inside the signature of Anthropic's thinking, and out of it again.

Upstream's chat gives `reasoning_text` and `reasoning_opaque`, and wants both back unchanged
(copilot-upstream.md §5.6). A Messages client keeps a signature for us in the same way. What was
put there bears a mark: Anthropic's own signatures, from turns another model answered, mean
nothing to chat, and upstream would refuse them.
"""

from collections.abc import Sequence

from gateway.domain.translation.messages_over_chat.messages_body import Block

MARK = "chat:"


def signature_of(opaque: str) -> str:
    """The signature that carries what chat sealed."""
    return MARK + opaque


def reasoning_of(blocks: Sequence[Block]) -> dict[str, str]:
    """The reasoning of a turn as fields of a chat message; none where nothing bears the mark.

    The seal may have come behind the thinking it belongs to, in a block of its own.
    """
    thoughts = [block for block in blocks if block.type == "thinking"]
    ours = [block for block in thoughts if not block.signature or _is_marked(block)]
    opaque = [block.signature for block in ours if block.signature]
    if not opaque:
        return {}
    text = "".join(block.thinking for block in ours)
    return {"reasoning_text": text, "reasoning_opaque": opaque[-1].removeprefix(MARK)}


def _is_marked(block: Block) -> bool:
    return block.signature.startswith(MARK)
