"""How a scenario describes what goes wrong, for whom and how often.

Describes only; faults/ carries it out. Each field of `Fault` is documented in
docs/simulator.md (a test fails until it is).
"""

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from simulator.scenario.accounts import Name, Part, Seat, Seconds

Count = Annotated[int, Field(ge=1)]
Offset = Annotated[int, Field(ge=0)]


class Endpoint(StrEnum):
    """What a request was for, in the words of rules and of the ledger."""

    DEVICE_CODE = "device_code"
    ACCESS_TOKEN = "access_token"  # noqa: S105  a name
    EXCHANGE = "exchange"
    INSTALLATION = "installation"
    USER = "user"
    USER_INFO = "user_info"
    MODELS = "models"
    MODEL = "model"
    CHAT = "chat"
    RESPONSES = "responses"
    MESSAGES = "messages"
    EMBEDDINGS = "embeddings"
    PING = "ping"
    FRONT_PAGE = "front_page"
    UNKNOWN = "unknown"


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


def _unlisted(values: tuple[Endpoint, ...]) -> Any:
    """As it is usually written."""
    return values[0] if len(values) == 1 else values


# One name, or several of which any will do.
Endpoints = Annotated[tuple[Endpoint, ...], BeforeValidator(_listed), PlainSerializer(_unlisted)]


class Match(Part):
    """Which requests a rule is about; what is not named matches all."""

    endpoint: Endpoints = ()
    account: Name | None = None
    model: Name | None = None
    stream: bool | None = None
    initiator: Literal["user", "agent"] | None = None


class Respond(Part):
    """An answer given as it is; a mapping or list is sent as JSON."""

    status: Annotated[int, Field(ge=200, le=599)] = 200
    headers: dict[str, str] = Field(default_factory=dict)
    body: str | dict[str, Any] | list[Any] = ""
    content_type: str | None = None


class ErrorText(Part):
    """An error as it stands in a body or an event."""

    code: str = "internal_error"
    message: str = "simulated error"


class ErrorEvent(ErrorText):
    """An error that comes in the middle of a stream, after so many events.

    as_failed: a Responses stream says it with `response.failed` instead of `error`.
    """

    after_events: Offset = 1
    as_failed: bool = False


class Point(Part):
    """A place in an answer's body; neither given means: before the headers."""

    after_events: Offset | None = None
    after_bytes: Offset | None = None

    @model_validator(mode="after")
    def _one_measure(self) -> Self:
        if self.after_events is not None and self.after_bytes is not None:
            raise ValueError("give after_events or after_bytes, not both")
        return self

    @property
    def before_headers(self) -> bool:
        """Whether nothing at all is sent before it."""
        return self.after_events is None and self.after_bytes is None


class Stall(Point):
    """A silence; without `seconds` it lasts until the caller leaves (at most an hour)."""

    seconds: Seconds | None = None


class End(Point):
    """A premature end.

    finish: as if it were complete, without what is missing. cut: FIN in the middle.
    reset: RST.
    """

    how: Literal["finish", "cut", "reset"]

    @model_validator(mode="after")
    def _finish_has_a_place(self) -> Self:
        if self.how == "finish" and self.before_headers:
            raise ValueError("finish needs after_events or after_bytes")
        return self


class Writes(Part):
    """How the bytes of a body are divided into writes.

    after_bytes, for_bytes: the stretch that `bytes` and `split_utf8` divide; without them all.
    """

    events: Count | None = None
    bytes: Count | None = None
    split_utf8: bool = False
    all_at_once: bool = False
    after_bytes: Offset = 0
    for_bytes: Count | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [self.events is not None, self.bytes is not None, self.split_utf8, self.all_at_once]
        if sum(ways) != 1:
            raise ValueError("give exactly one of events, bytes, split_utf8, all_at_once")
        return self


class Script(Part):
    """What an answer says, and in how many pieces, in any protocol."""

    text: str | None = None
    chunks: Count | None = None
    chunk_characters: Count | None = None
    chunk_delay_seconds: Seconds = 0.02
    call_tools: bool = True
    parallel_tool_calls: Annotated[int, Field(ge=1, le=128)] = 1
    finish_reason: str | None = None
    split_choices: bool = False
    native_body: bool = False
    reasoning: bool | None = None
    cached_tokens: Offset = 0


class RandomKind(StrEnum):
    """What may happen to a stream by chance."""

    RESET = "reset"
    CUT = "cut"
    FINISH = "finish"
    STALL = "stall"
    ERROR_EVENT = "error_event"
    ERROR_IN_200 = "error_in_200"
    ONE_BYTE_WRITES = "one_byte_writes"
    SPLIT_UTF8 = "split_utf8"
    CRLF = "crlf"


class RandomStreamFaults(Part):
    """One of these kinds for each stream, at a place drawn anew each time.

    stall_seconds None: until the caller leaves.
    """

    kinds: Annotated[tuple[RandomKind, ...], Field(min_length=1)] = tuple(RandomKind)
    stall_seconds: Seconds | None = None


class Fault(Part):
    """One rule: which requests, how often, and what is different for them."""

    name: Name | None = None
    match: Match = Match()
    nth: Count | None = None
    after: Offset = 0
    times: Count | None = None
    probability: Annotated[float, Field(ge=0, le=1)] | None = None
    script: Script | None = None
    refusal: Name | None = None
    seat: Seat | None = None
    respond: Respond | None = None
    error_in_200: ErrorText | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    delay_seconds: Seconds = 0
    drop: tuple[Name, ...] = ()
    unknown_fields: bool = False
    error_event: ErrorEvent | None = None
    comment_every: Count | None = None
    line_ends: Literal["lf", "crlf", "cr"] = "lf"
    space_after_colon: bool = True
    writes: Writes | None = None
    stall: Stall | None = None
    end: End | None = None
    gzip: bool = False
    random_stream_faults: RandomStreamFaults | None = None

    @model_validator(mode="after")
    def _one_answer(self) -> Self:
        instead = [self.refusal, self.seat, self.respond, self.error_in_200]
        if sum(each is not None for each in instead) > 1:
            raise ValueError("give at most one of refusal, seat, respond, error_in_200")
        counted = (self.after, self.times is not None, self.probability is not None)
        if self.nth is not None and any(counted):
            raise ValueError("nth cannot be combined with after, times or probability")
        return self

    @model_validator(mode="after")
    def _one_chance(self) -> Self:
        """What is drawn cannot be given as well."""
        given = [self.refusal, self.seat, self.respond, self.error_in_200, self.error_event,
                 self.writes, self.stall, self.end]  # fmt: skip
        has_form = self.line_ends != "lf"
        if self.random_stream_faults and (has_form or any(each is not None for each in given)):
            raise ValueError("random_stream_faults decides itself how a stream is written and ends")
        return self
