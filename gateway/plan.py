"""USE CASE: what is sent to one account for a call, and what its answer will be.

Which endpoint serves the model, the caller's body as that takes it, the headers. Sends nothing.
"""

from collections.abc import Callable

import msgspec

from gateway.catalogue import Catalogue
from gateway.domain import portable
from gateway.domain.call import Call
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.expected import Expected
from gateway.domain.fitting import fit, kept_betas, without_effort
from gateway.domain.groups import Group, rename_model
from gateway.domain.headers import Outgoing, Standing, attempt
from gateway.domain.initiator import Initiator
from gateway.domain.models import Model
from gateway.domain.platforms.table import PLATFORMS
from gateway.domain.protocols import Protocol
from gateway.domain.requests.oddities import UNKNOWN
from gateway.domain.routing import route
from gateway.domain.translation.contract import Asked
from gateway.domain.translation.table import TRANSLATIONS
from gateway.domain.usage.asking import ask_for_usage
from gateway.domain.usage.prices import Prices
from gateway.domain.whole.assembling import as_stream, wants_assembly
from gateway.ports.clock import Clock
from gateway.ports.tokens import AccountToken
from gateway.ports.upstream import UpstreamRequest


class Plan(msgspec.Struct, frozen=True, gc=False):
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
    body: bytes

    def __repr__(self) -> str:
        """Nothing that was said."""
        return f"Plan({self.group.id!r}, {self.model_id!r}, {self.expected.protocol})"

    def request(self, token: AccountToken) -> UpstreamRequest:
        """What goes out."""
        platform = PLATFORMS[self.group.platform]
        protocol = self.expected.protocol
        from_caller = platform.from_caller(self.call.caller_headers, protocol)
        return UpstreamRequest(
            "POST",
            token.api_base_url + platform.paths[protocol],
            attempt(self._standing(token), from_caller, self.attempt_id),
            self.body,
        )

    def _standing(self, token: AccountToken) -> Standing:
        """Made once for a token and a shape of requests."""
        call = self.call
        is_agent = call.verdict.initiator is Initiator.AGENT
        is_stream = call.stream or self.is_assembled
        shape = (self.group.platform, self.expected.protocol, is_agent, call.vision, is_stream)
        found = token.standing.get(shape)
        if found is None:
            found = token.standing[shape] = PLATFORMS[self.group.platform].standing(
                Outgoing(
                    token_value=token.value,
                    token_headers=token.headers,
                    initiator=call.verdict.initiator,
                    vision=call.vision,
                    stream=is_stream,
                    protocol=self.expected.protocol,
                )
            )
        return found


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
        is_native = protocol is call.protocol
        expected = Expected(
            protocol,
            Asked(call.model, int(self._clock.now()), answer_id, call.wants_usage, call.body),
            call.choices,
            platform.rows,
            None if is_native else TRANSLATIONS.get((call.protocol, protocol)),
            wants_usage=not (is_native and _is_without_usage(call)),
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
    body, oddities = call.body, call.oddities
    if model_id != call.model:
        body = rename_model(body, model_id)
    if expected.translation is not None:
        body, oddities = expected.translation.request(body), UNKNOWN
        if takes_effort is False and expected.protocol is Protocol.CHAT:
            body = without_effort(body)
    if has_foreign_state or (oddities.has_travelled and portable.has_travelled(body)):
        body = portable.strip(expected.protocol, body)
    if oddities.is_unfit and PLATFORMS[group.platform].fits:
        betas = kept_betas(call.caller_headers.get("anthropic-beta"))
        body = fit(expected.protocol, body, model_id, betas)
    return body if expected.wants_usage else ask_for_usage(body, oddities.has_stream_options)


def _is_without_usage(call: Call) -> bool:
    """Whether a caller streams chat, over chat, and did not ask what it costs.

    Upstream is asked all the same, since it is for the ledger; what comes of it is not for the
    caller. Translations ask by themselves, and read the usage.
    """
    return call.stream and not call.wants_usage and call.protocol is Protocol.CHAT


def _check_vision(call: Call, model: Model | None) -> None:
    """An image to a model that cannot see: upstream would refuse it (copilot-upstream.md §8.3)."""
    if call.vision and model is not None and model.has_vision is False:
        raise GatewayError(
            Fault.CALLER_VISION_UNSUPPORTED,
            "This model takes no images; remove them or use a model with vision.",
            param="model",
        )
