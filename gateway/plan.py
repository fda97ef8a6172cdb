"""USE CASE: what is sent to one account for a call, and what its answer will be.

Which endpoint serves the model, the caller's body as that takes it, the headers. Sends nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.catalogue import Catalogue
from gateway.domain import portable
from gateway.domain.call import Call
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.expected import Expected
from gateway.domain.fitting import fit, kept_betas, without_effort
from gateway.domain.groups import Group, rename_model
from gateway.domain.headers import Outgoing
from gateway.domain.models import Model
from gateway.domain.platforms.table import PLATFORMS
from gateway.domain.protocols import Protocol
from gateway.domain.routing import route
from gateway.domain.translation.contract import Asked
from gateway.domain.translation.table import TRANSLATIONS
from gateway.domain.usage.asking import ask_for_usage
from gateway.domain.usage.prices import Prices
from gateway.domain.whole.assembling import as_stream, wants_assembly
from gateway.ports import AccountToken, Clock, UpstreamRequest


@dataclass(frozen=True, slots=True)
class Plan:
    """One attempt, ready to be made with a token."""

    call: Call
    group: Group
    expected: Expected
    model_id: str
    """What is asked of upstream, aliases resolved."""
    prices: Prices | None
    """The model's, where upstream's catalogue has them."""
    premium_multiplier: float | None
    """Likewise."""
    is_listed: bool
    """Whether the model is in upstream's catalogue."""
    is_assembled: bool
    """Whether a whole answer is made of a stream."""
    attempt_id: str
    """Random, for upstream."""
    body: bytes = field(repr=False)

    def request(self, token: AccountToken) -> UpstreamRequest:
        """What goes out."""
        platform = PLATFORMS[self.group.platform]
        return UpstreamRequest(
            method="POST",
            url=token.api_base_url + platform.paths[self.expected.protocol],
            headers=platform.headers(
                Outgoing(
                    caller=self.call.caller_headers,
                    token_value=token.value,
                    token_headers=token.headers,
                    attempt_id=self.attempt_id,
                    initiator=self.call.verdict.initiator,
                    vision=self.call.vision,
                    stream=self.call.stream or self.is_assembled,
                    protocol=self.expected.protocol,
                )
            ),
            body=self.body,
        )


class Planner:
    """Plans attempts. new_id: another random id each time."""

    def __init__(self, catalogue: Catalogue, clock: Clock, new_id: Callable[[], str]) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._new_id = new_id

    async def plan(
        self, call: Call, group: Group, account: str, has_foreign_state: bool, answer_id: str
    ) -> Plan:
        """For one account. Raises GatewayError where the request cannot be made there.

        answer_id: what the ids of a translated answer are made of.
        """
        model_id = group.resolve(call.model)
        model = await self._catalogue.model(account, group.platform, model_id)
        _check_vision(call, model)
        platform = PLATFORMS[group.platform]
        protocol = route(call.protocol, model, platform.paths.keys())
        expected = Expected(
            protocol=protocol,
            asked=Asked(call.model, int(self._clock.now()), answer_id, call.wants_usage, call.body),
            choices=call.choices,
            rows=platform.rows,
            translation=TRANSLATIONS.get((call.protocol, protocol)),
            wants_usage=not _is_without_usage(call, protocol),
        )
        is_assembled = (
            not call.stream
            and protocol is Protocol.CHAT
            and wants_assembly(model_id, model.vendor if model is not None else "")
        )
        takes_effort = model.takes_effort if model is not None else None
        body = _body(call, group, expected, model_id, takes_effort, has_foreign_state)
        return Plan(
            call=call,
            group=group,
            expected=expected,
            model_id=model_id,
            prices=model.prices if model is not None else None,
            premium_multiplier=model.premium_multiplier if model is not None else None,
            is_listed=model is not None,
            is_assembled=is_assembled,
            attempt_id=self._new_id(),
            body=as_stream(body) if is_assembled else body,
        )


def _body(
    call: Call,
    group: Group,
    expected: Expected,
    model_id: str,
    takes_effort: bool | None,
    has_foreign_state: bool,
) -> bytes:
    """The caller's own bytes, changed only where they have to be."""
    body = call.body
    if model_id != call.model:
        body = rename_model(body, model_id)
    if expected.translation is not None:
        body = expected.translation.request(body)
        if takes_effort is False and expected.protocol is Protocol.CHAT:
            body = without_effort(body)
    if has_foreign_state or portable.has_travelled(body):
        body = portable.strip(expected.protocol, body)
    if PLATFORMS[group.platform].fits:
        betas = kept_betas(call.caller_headers.get("anthropic-beta"))
        body = fit(expected.protocol, body, model_id, betas)
    return body if expected.wants_usage else ask_for_usage(body)


def _is_without_usage(call: Call, upstream: Protocol) -> bool:
    """Whether a caller streams chat over chat and did not ask what it costs.

    Upstream is asked all the same, since it is for the ledger; what comes of it is not for the
    caller. Translations ask by themselves, and read the usage.
    """
    is_plain = call.protocol is Protocol.CHAT and upstream is Protocol.CHAT
    return is_plain and call.stream and not call.wants_usage


def _check_vision(call: Call, model: Model | None) -> None:
    """An image to a model that cannot see: upstream would refuse it (copilot-upstream.md §8.3)."""
    if call.vision and model is not None and model.has_vision is False:
        raise GatewayError(
            Fault.CALLER_VISION_UNSUPPORTED,
            "This model takes no images; remove them or use a model with vision.",
            param="model",
        )
