"""The model catalogue, from upstream's own list (copilot-upstream.md §5.5): what there is, what a
caller may see of it, and which endpoints serve a model."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.lenient_json import UNREADABLE
from gateway.domain.protocols import Protocol
from gateway.domain.usage.price_list import multiplier_in, prices_in
from gateway.domain.usage.prices import Prices

ENDPOINTS: dict[str, Protocol] = {
    "/chat/completions": Protocol.CHAT,
    "/responses": Protocol.RESPONSES,
    "/v1/messages": Protocol.MESSAGES,
    "/embeddings": Protocol.EMBEDDINGS,
}
"""Upstream's words; those for WebSockets (`ws:/responses`) are not served."""
LEGACY = frozenset({Protocol.CHAT})
"""A chat model that names no endpoints is an old one, with this one only (§5.4)."""
EMBEDDINGS = "embeddings"
SHOWN_KINDS = frozenset({"chat", EMBEDDINGS, ""})
YEAR_10000 = 253_402_300_800
"""In Unix seconds; no date can be later."""
INTERNAL_PREFIXES = ("accounts/", "trajectory-compaction", "search-agent", "oswe-vscode")
"""Entries that are in the list and not for callers (§5.5)."""


@dataclass(frozen=True, slots=True)
class Model:
    """One model a caller may name."""

    id: str
    vendor: str = ""
    name: str = ""
    owner: str = ""
    """As lists in OpenAI's own shape say; Copilot's name a vendor."""
    created: int = 0
    """In Unix seconds, likewise; 0: upstream does not say."""
    endpoints: frozenset[Protocol] | None = None
    """None: the platform's lists name none."""
    has_vision: bool | None = None
    """None: upstream does not say."""
    takes_effort: bool | None = None
    """Whether a request may say how much to think; None: upstream does not say."""
    prices: Prices | None = None
    """None: upstream does not say, or not so that it is understood."""
    premium_multiplier: float | None = None
    """How many premium requests one is, on plans that count those (§4.4); None: it does not say."""


class _Supports(msgspec.Struct, frozen=True):
    vision: bool | None = None
    reasoning_effort: msgspec.Raw = msgspec.Raw()


class _Limits(msgspec.Struct, frozen=True):
    vision: msgspec.Raw = msgspec.Raw()


class _Capabilities(msgspec.Struct, frozen=True):
    type: str = ""
    supports: _Supports | None = None
    limits: _Limits | None = None

    @property
    def has_vision(self) -> bool | None:
        """A list that says what a model supports leaves out what it does not (§5.5)."""
        if self.supports is None:
            return None
        return self.supports.vision or (self.limits is not None and bool(self.limits.vision))

    @property
    def takes_effort(self) -> bool | None:
        """Likewise."""
        return None if self.supports is None else bool(self.supports.reasoning_effort)


class _Policy(msgspec.Struct, frozen=True):
    state: str = "enabled"


class _Entry(msgspec.Struct, frozen=True):
    id: str
    vendor: str = ""
    name: str = ""
    # Of any type: nothing depends on them, so that what is odd in them costs nobody the model.
    owned_by: object = None
    created: object = None
    supported_endpoints: list[str] | None = None
    capabilities: _Capabilities | None = None
    policy: _Policy | None = None
    billing: msgspec.Raw = msgspec.Raw()

    @property
    def kind(self) -> str:
        return self.capabilities.type if self.capabilities is not None else ""

    @property
    def is_shown(self) -> bool:
        is_allowed = self.policy is None or self.policy.state == "enabled"
        is_internal = not self.id or self.id.startswith(INTERNAL_PREFIXES)
        return is_allowed and not is_internal and self.kind in SHOWN_KINDS


class _List(msgspec.Struct, frozen=True):
    data: list[msgspec.Raw]


_read_list = msgspec.json.Decoder(_List).decode
_read_entry = msgspec.json.Decoder(_Entry).decode


def parse(body: bytes, names_endpoints: bool = True) -> tuple[Model, ...]:
    """The list without duplicates, in upstream's order.

    names_endpoints: whether a model that names no endpoints is an old one (Copilot's, §5.4).

    Left out: what upstream uses itself, what the seat's owner has not enabled (calls would fail),
    and an entry that is not understood. Raises GatewayError when the body is no list at all.
    """
    try:
        entries = _read_list(body).data
    except UNREADABLE:
        raise GatewayError(
            Fault.UPSTREAM_BAD_ANSWER, "Upstream's model list could not be understood."
        ) from None
    found: dict[str, Model] = {}
    for raw in entries:
        try:
            entry = _read_entry(raw)
        except msgspec.DecodeError:
            continue
        if entry.is_shown:
            found.setdefault(entry.id, _model(entry, names_endpoints))
    return tuple(found.values())


def find(models: Sequence[Model], model_id: str) -> Model:
    """One model by its id. Raises GatewayError."""
    found = look_up(models, model_id)
    if found is None:
        raise no_such_model()
    return found


def look_up(models: Sequence[Model], model_id: str) -> Model | None:
    """One model by its id; None when the list has it not."""
    return next((model for model in models if model.id == model_id), None)


def no_such_model() -> GatewayError:
    """The answer to a model that is not there, or not there for this caller."""
    return GatewayError(
        Fault.CALLER_MODEL_NOT_FOUND,
        "There is no such model here; GET the models list for those there are.",
        param="model",
    )


def _model(entry: _Entry, names_endpoints: bool) -> Model:
    return Model(
        id=entry.id,
        vendor=entry.vendor,
        name=entry.name,
        owner=entry.owned_by if isinstance(entry.owned_by, str) else "",
        created=_created(entry.created),
        endpoints=_endpoints(entry) if names_endpoints else None,
        has_vision=entry.capabilities.has_vision if entry.capabilities is not None else None,
        takes_effort=entry.capabilities.takes_effort if entry.capabilities is not None else None,
        prices=prices_in(entry.billing),
        premium_multiplier=multiplier_in(entry.billing),
    )


def _created(said: object) -> int:
    # A boolean is an int too.
    return said if type(said) is int and 0 < said < YEAR_10000 else 0


def _endpoints(entry: _Entry) -> frozenset[Protocol]:
    if entry.kind == EMBEDDINGS:
        return frozenset({Protocol.EMBEDDINGS})
    named = entry.supported_endpoints or ()
    known = frozenset(ENDPOINTS[each] for each in named if each in ENDPOINTS)
    return known or LEGACY
