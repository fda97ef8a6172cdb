"""The few fields of a Responses request that decide anything; see chat.py."""

import msgspec
from msgspec import structs

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.fitting import NOT_AS_TOOLS, WITHOUT_ID
from gateway.domain.lenient_json import UNREADABLE
from gateway.domain.requests.oddities import NONE, Oddities
from gateway.domain.requests.reading import (
    LIST,
    NULL,
    OBJECT,
    Content,
    Part,
    begins,
    check_model,
    content_of,
    decoded,
    invalid,
    is_foreign,
    lenient,
    opening,
    parts_of,
    text_of,
    user_of,
    words_of,
)

MESSAGE = "message"
OPENING_ITEMS = 100


class Item(msgspec.Struct, frozen=True, gc=False):
    """One item of the input; which fields it has depends on its type."""

    said_type: str = msgspec.field(default="", name="type")
    role: str = ""
    """Of a message; else empty."""
    content: Content = None
    output: msgspec.Raw = NULL
    """Of a tool: text, parts, or one part, such as a screenshot."""
    id: msgspec.Raw = msgspec.Raw()
    encrypted_content: msgspec.Raw = msgspec.Raw()

    def __repr__(self) -> str:
        return f"Item({self.type!r}, {self.role!r})"

    @property
    def type(self) -> str:
        """Its kind; an item that has only a role is a message."""
        return self.said_type or (MESSAGE if self.role else "")


class _Rest(msgspec.Struct, frozen=True, gc=False):
    """A request but for its input."""

    model: str
    stream: bool | None = None
    instructions: msgspec.Raw = msgspec.Raw()
    tools: msgspec.Raw = msgspec.Raw()
    previous_response_id: msgspec.Raw = msgspec.Raw()
    max_output_tokens: msgspec.Raw = msgspec.Raw()
    client_metadata: msgspec.Raw = msgspec.Raw()
    service_tier: msgspec.Raw = msgspec.Raw()
    raw_prompt_cache_key: msgspec.Raw = msgspec.field(
        default=msgspec.Raw(), name="prompt_cache_key"
    )
    raw_metadata: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="metadata")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.model!r})"


class ResponsesRequest(_Rest, frozen=True, gc=False):
    """What the gateway looks at in a Responses request; see chat.ChatRequest."""

    input: str | list[Item] = ""

    @property
    def items(self) -> list[Item]:
        """The input's items; none where it is text."""
        return self.input if isinstance(self.input, list) else []

    @property
    def parts(self) -> list[Part]:
        """All there are, of all items and of all tools' outputs."""
        items = self.items
        found = [part for each in items if isinstance(each.content, list) for part in each.content]
        for each in items:
            kind = memoryview(each.output)[0]
            if kind == LIST:
                found += parts_of(each.output)
            elif kind == OBJECT:
                part = lenient(_read_part, each.output)
                found += [] if part is None else [part]
        return found

    @property
    def prompt_cache_key(self) -> str | None:
        """What requests with the same beginning have in common."""
        return text_of(self.raw_prompt_cache_key)

    @property
    def user_id(self) -> str | None:
        """`metadata.user_id`."""
        return user_of(self.raw_metadata)

    @property
    def oddities(self) -> Oddities:
        """What may have to be changed."""
        items = self.items
        has_travelled = any(
            [is_foreign(each.encrypted_content) for each in items if each.encrypted_content]
        )
        is_unfit = (
            bool(self.max_output_tokens or self.client_metadata or self.service_tier)
            or any([not each.type or each.type in WITHOUT_ID for each in items if each.id])
            or _may_have_odd_tools(self.tools)
        )
        return Oddities(has_travelled, is_unfit, False) if has_travelled or is_unfit else NONE


class _OddItem(msgspec.Struct):
    """An item of which any field may be anything: upstream is the judge of it."""

    type: msgspec.Raw = msgspec.Raw()
    role: msgspec.Raw = msgspec.Raw()
    content: msgspec.Raw = msgspec.Raw()
    output: msgspec.Raw = NULL
    id: msgspec.Raw = msgspec.Raw()
    encrypted_content: msgspec.Raw = msgspec.Raw()

    def __repr__(self) -> str:
        return "_OddItem()"

    def item(self) -> Item:
        """What is understood of it."""
        return Item(
            text_of(self.type) or "",
            text_of(self.role) or "",
            content_of(self.content),
            self.output,
            self.id,
            self.encrypted_content,
        )


class _OddRequest(_Rest, frozen=True, gc=False):
    input: str | list[_OddItem] = ""

    def request(self) -> ResponsesRequest:
        """What is understood of it."""
        fields = structs.asdict(self)
        if isinstance(self.input, list):
            fields["input"] = [item.item() for item in self.input]
        return ResponsesRequest(**fields)


class _Tool(msgspec.Struct):
    type: str = ""


_read_part = msgspec.json.Decoder(Part).decode
_read_tools = msgspec.json.Decoder(list[_Tool]).decode
_decode = msgspec.json.Decoder(ResponsesRequest).decode
_decode_odd = msgspec.json.Decoder(_OddRequest).decode


def parse(body: bytes) -> ResponsesRequest:
    """Decode a request body. Raises GatewayError, whose message quotes no value of it."""
    request = _read(body)
    check_model(request.model)
    if not request.input:
        raise invalid("'input' must hold text or at least one item.", "input")
    if text_of(request.previous_response_id):
        # Upstream keeps no answers (copilot-upstream.md §5.6): the whole input has to be sent.
        raise GatewayError(
            Fault.CALLER_REQUEST_REFUSED,
            "'previous_response_id' is not supported: send the whole conversation as input.",
            code="previous_response_not_found",
            param="previous_response_id",
        )
    return request


def first_messages(request: ResponsesRequest) -> bytes:
    """See reading.opening."""
    before = words_of(content_of(request.instructions))
    if isinstance(request.input, str):
        return f"{before}\0user\0{words_of(request.input)}".encode()
    return opening(before, request.input[:OPENING_ITEMS])[0].encode()


def _read(body: bytes) -> ResponsesRequest:
    """An item that is not understood is no reason to refuse a request, so the input is read item
    by item then."""
    try:
        return _decode(body)
    except UNREADABLE:
        return decoded(_decode_odd, body).request()


def _may_have_odd_tools(raw: msgspec.Raw) -> bool:
    """Whether upstream does not have some of the tools, or this cannot be read."""
    if not begins(raw, LIST):
        return False
    tools = lenient(_read_tools, raw)
    return tools is None or any([tool.type in NOT_AS_TOOLS for tool in tools])
