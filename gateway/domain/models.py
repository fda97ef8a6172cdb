"""The model catalogue as callers see it, from upstream's own list (copilot-upstream.md §5.5)."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from gateway.domain.errors import Fault, GatewayError


@dataclass(frozen=True, slots=True)
class Model:
    """One model a caller may name."""

    id: str
    vendor: str


class _Entry(msgspec.Struct, frozen=True):
    id: str
    vendor: str = ""


class _List(msgspec.Struct, frozen=True):
    data: list[msgspec.Raw]


def parse(body: bytes) -> tuple[Model, ...]:
    """The list without duplicates, in upstream's order.

    One entry that is not understood is left out rather than failing the list. Raises
    GatewayError when the body is no list at all.
    """
    try:
        entries = msgspec.json.decode(body, type=_List).data
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise GatewayError(
            Fault.UPSTREAM_BAD_ANSWER, "Upstream's model list could not be understood."
        ) from None
    found: dict[str, Model] = {}
    for raw in entries:
        try:
            entry = msgspec.json.decode(raw, type=_Entry)
        except msgspec.DecodeError:
            continue
        if entry.id:
            found.setdefault(entry.id, Model(entry.id, entry.vendor))
    return tuple(found.values())


def find(models: Sequence[Model], model_id: str) -> Model:
    """One model by its id. Raises GatewayError."""
    for model in models:
        if model.id == model_id:
            return model
    raise no_such_model()


def no_such_model() -> GatewayError:
    """The answer to a model that is not there, or not there for this caller."""
    return GatewayError(
        Fault.CALLER_MODEL_NOT_FOUND,
        "There is no such model here; GET the models list for those there are.",
        param="model",
    )
