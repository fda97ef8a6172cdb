"""An embeddings request: what upstream takes of it (copilot-upstream.md §5.8)."""

import msgspec

from gateway.domain.requests.reading import TEXT, begins, check_model, decoded, invalid

MAX_INPUTS = 2048
"""More than any model's `max_inputs`; upstream judges the rest."""


class EmbeddingsRequest(msgspec.Struct, frozen=True):
    """What the gateway looks at."""

    model: str
    input: str | list[msgspec.Raw]

    def __repr__(self) -> str:
        return f"EmbeddingsRequest({self.model!r})"


_decode = msgspec.json.Decoder(EmbeddingsRequest).decode


def parse(body: bytes) -> EmbeddingsRequest:
    """Decode a request body. Raises GatewayError; token arrays are refused by name."""
    request = decoded(_decode, body)
    check_model(request.model)
    if not request.input:
        raise invalid("'input' must hold at least one text.", "input")
    if isinstance(request.input, str):
        return request
    if len(request.input) > MAX_INPUTS:
        raise invalid(f"'input' must hold at most {MAX_INPUTS} texts.", "input")
    if not all(begins(each, TEXT) for each in request.input):
        raise invalid(
            "'input' must hold texts: arrays of tokens are not supported by Copilot; with "
            "LangChain set check_embedding_ctx_length=False.",
            "input",
        )
    return request


def fitted(body: bytes, request: EmbeddingsRequest) -> bytes:
    """The body as upstream takes it: one text is wrapped into a list."""
    if isinstance(request.input, list):
        return body
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    fields["input"] = msgspec.Raw(msgspec.json.encode([request.input]))
    return msgspec.json.encode(fields)
