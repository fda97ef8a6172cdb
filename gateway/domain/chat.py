"""The few fields of a chat-completions request that decide anything.

Decoded by type and nothing more: every other field is skipped without being built, and the
caller's own bytes are what goes upstream. Knows nothing of headers or accounts.
"""

import re

import msgspec

from gateway.domain.errors import Fault, GatewayError


class Part(msgspec.Struct, frozen=True):
    """One part of a message's content; only its kind matters here."""

    type: str = ""


class Message(msgspec.Struct, frozen=True):
    """One message of the conversation."""

    role: str
    content: str | list[Part] | None = None


class ChatRequest(msgspec.Struct, frozen=True):
    """What the gateway looks at in a chat request. Never the text itself is kept."""

    model: str
    messages: list[Message]
    stream: bool | None = None


_decode = msgspec.json.Decoder(ChatRequest).decode
_FIELD = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_MISSING = re.compile(r"^Object missing required field `(?P<name>[^`]+)`")


def parse(body: bytes) -> ChatRequest:
    """Decode a request body. Raises GatewayError, whose message quotes no value of it."""
    try:
        request = _decode(body)
    except msgspec.ValidationError as error:
        raise _wrong_type(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(error) from None
    if not request.model:
        raise _invalid("'model' must not be empty.", "model")
    if not request.messages:
        raise _invalid("'messages' must hold at least one message.", "messages")
    return request


def _wrong_type(text: str) -> GatewayError:
    match = _FIELD.search(text)
    path = match["path"] if match else ""
    problem = text[: match.start()] if match else text
    missing = _MISSING.match(problem)
    if missing:
        path = f"{path}.{missing['name']}" if path else missing["name"]
        return _invalid(f"'{path}' is required.", path)
    where = f"'{path}': " if path else ""
    return _invalid(f"{where}{problem[:1].lower()}{problem[1:]}.".replace("`", "'"), path or None)


def _malformed(error: Exception) -> GatewayError:
    if isinstance(error, RecursionError):
        return _invalid("The body is nested too deeply.", None)
    if isinstance(error, UnicodeDecodeError):
        return _invalid("The body is not valid UTF-8.", None)
    return _invalid(f"The body is not valid JSON: {error}.", None)


def _invalid(message: str, param: str | None) -> GatewayError:
    return GatewayError(Fault.CALLER_BODY_INVALID, message, param=param)
