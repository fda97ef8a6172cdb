"""What the three protocols in which a model answers have in common: who is served, with which
model, what every one of them refuses (§7.2), and the reply.

What one protocol alone refuses, and how it writes a reply, is in a file of its own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar, runtime_checkable

from simulator.endpoints.identity import admit
from simulator.endpoints.question import Body, Question
from simulator.scenario.faults import Script
from simulator.state.accounts import Holder
from simulator.state.world import World
from simulator.wire.answer import Answer, Dialect
from simulator.wire.capi_refusals import (
    BODY_UNREADABLE,
    MODEL_NOT_SUPPORTED,
    QUOTA_EXCEEDED,
    REFUSALS,
    VISION_HEADER_MISSING,
    VISION_UNSUPPORTED,
    Refusal,
    foreign_state,
    prompt_too_long,
    unmatched_call,
    unsupported_endpoint,
)
from simulator.wire.catalogue import Family, Model
from simulator.wire.completion import Completion
from simulator.wire.prompt import Prompt
from simulator.wire.reply import reply_to
from simulator.wire.seals import Sealed, SealKind, is_genuine


@runtime_checkable
class Asked(Body, Protocol):
    """A decoded request to a model."""

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing."""

    def prompt(self) -> Prompt:
        """What the model is told; only of one that is not empty."""

    def seals(self) -> Iterator[Sealed]:
        """What in it belongs to one account."""

    def unmatched_call(self) -> str | None:
        """The id of a tool's call without a result, or of a result without a call."""


A = TypeVar("A", bound=Asked)


@dataclass(frozen=True)
class Service(Generic[A]):
    """A protocol. path: as its refusals name it (§5.4). kind: what its body decodes to.

    refuse: what it alone refuses. write: a reply in its shape, streamed if that was asked for.
    """

    path: str
    dialect: Dialect
    kind: type[A]
    refuse: Callable[[Question, A, Model], Refusal | None]
    write: Callable[[Completion, A, Script], Answer]


def generate(world: World, question: Question, service: Service[A]) -> Answer:
    """What a model says to a request, or why it says nothing."""
    admitted = admit_to_model(world, question, service.path)
    if isinstance(admitted, Answer):
        return admitted
    holder, model = admitted
    asked = question.body
    if not isinstance(asked, service.kind) or asked.is_empty:
        return BODY_UNREADABLE.answer()
    prompt = asked.prompt()
    refusal = (
        service.refuse(question, asked, model)
        or _vision_refusal(question, prompt, model)
        or _foreign_refusal(world, holder, asked, service.dialect)
        or _pairs_refusal(world, asked)
        or _length_refusal(prompt, model)
        or (QUOTA_EXCEEDED if holder.is_out_of_quota else None)
    )
    if refusal is not None:
        return refusal.answer()
    script = question.script
    completion = Completion(
        created=int(world.clock.now()),
        model=model,
        reply=reply_to(prompt, model, script),
        login=holder.account.login,
        chance=world.random,
        with_copilot_usage=holder.account.token_based_billing,
        split_choices=script.split_choices,
    )
    return replace(
        service.write(completion, asked, script),
        gap_seconds=script.chunk_delay_seconds,
        cost=completion.cost,
        text=completion.reply.text,
        dialect=service.dialect,
    )


def admit_to_model(world: World, question: Question, path: str) -> tuple[Holder, Model] | Answer:
    """The account and the model that serve this request, or why they do not."""
    admitted = admit(world, question)
    if isinstance(admitted, Answer):
        return admitted
    if admitted.account.refusal is not None:
        return REFUSALS[admitted.account.refusal].answer()
    if question.body is None:
        return BODY_UNREADABLE.answer()
    model = world.models_by_id.get(question.model or "")
    if model is None or not model.enabled:
        return MODEL_NOT_SUPPORTED.answer()
    if not model.serves(path):
        return _misrouted(model, path).answer()
    return admitted, model


def _misrouted(model: Model, path: str) -> Refusal:
    """That an embeddings model is no model at all to the others is our reading."""
    is_chat = model.kind == "chat"
    return unsupported_endpoint(model.id, path) if is_chat else MODEL_NOT_SUPPORTED


def _vision_refusal(question: Question, prompt: Prompt, model: Model) -> Refusal | None:
    if not prompt.images:
        return None
    if question.request.headers.get("Copilot-Vision-Request", "").lower() != "true":
        return VISION_HEADER_MISSING
    return None if model.images else VISION_UNSUPPORTED


def _foreign_refusal(
    world: World, holder: Holder, asked: Asked, dialect: Dialect
) -> Refusal | None:
    """State of another account, or of nobody (§5.9)."""
    checks_ids = world.scenario.http.check_item_ids
    for sealed in asked.seals():
        if sealed.kind is SealKind.ITEM_ID and not checks_ids:
            continue
        if not is_genuine(sealed, holder.account.login):
            return foreign_state(sealed.place, dialect is Dialect.MESSAGES)
    return None


def _pairs_refusal(world: World, asked: Asked) -> Refusal | None:
    if not world.scenario.http.check_tool_calls:
        return None
    call_id = asked.unmatched_call()
    return None if call_id is None else unmatched_call(call_id)


def _length_refusal(prompt: Prompt, model: Model) -> Refusal | None:
    tokens = prompt.tokens
    if tokens <= model.prompt_tokens:
        return None
    return prompt_too_long(tokens, model.prompt_tokens, model.family is Family.CLAUDE)
