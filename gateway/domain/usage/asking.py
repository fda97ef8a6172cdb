"""Asks upstream to end a chat stream with its usage, for a caller who did not ask.

A stream that is not asked for it may end without (OpenAI's API does so), and what it cost would be
lost. The chunk that comes of it never reaches such a caller (streams/chat.py). A caller that says
in so many words that it wants none is not overruled: some OpenAI-compatible servers are too old for
the field, and this is the way around it.
"""

import msgspec
from msgspec import Raw

_FIELD = b'"stream_options"'
_ASKED = b'"stream_options":{"include_usage":true},'
_SAYS_NOTHING = b"null"

_read = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.Encoder().encode


def ask_for_usage(body: bytes, may_have_options: bool = True) -> bytes:
    """A request for a chat stream, with `stream_options.include_usage`; every other value as it is.

    body: a JSON object that was understood before, and is not empty. Returned as the same object
    where it says itself whether usage is wanted, or says of it what is not understood.
    may_have_options: False where it is known that it says nothing.
    """
    if not may_have_options or _FIELD not in body:
        start = body.index(b"{") + 1
        # In one step: a body may be large.
        return b"".join((body[:start], _ASKED, memoryview(body)[start:]))
    fields = _read(body)
    options = _options(fields.get("stream_options", Raw(_SAYS_NOTHING)))
    if options is None or bytes(options.get("include_usage", _SAYS_NOTHING)) != _SAYS_NOTHING:
        return body
    options["include_usage"] = Raw(b"true")
    fields["stream_options"] = Raw(_encode(options))
    return _encode(fields)


def _options(raw: Raw) -> dict[str, Raw] | None:
    """None for what are no options: upstream is the judge of them."""
    if bytes(raw) == _SAYS_NOTHING:
        return {}
    try:
        return _read(raw)
    except msgspec.DecodeError:
        return None
