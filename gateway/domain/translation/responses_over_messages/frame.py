"""The frame of a Responses answer, from the request it answers."""

from gateway.domain.translation.contract import Asked
from gateway.domain.translation.for_responses.frame import ECHOED, Ending, Frame, ending_of
from gateway.domain.translation.messages_over_responses.fields import Fields, parse
from gateway.domain.translation.reasons import FROM_MESSAGES
from gateway.domain.translation.responses_over_messages.tools import names_of


def frame_of(asked: Asked) -> Frame:
    """Without the request no custom tool and no namespace is told from a function."""
    request = parse(asked.body) if asked.body else Fields({})
    echoed = {name: request.raw(name) for name in ECHOED if request.has(name)}
    return Frame(asked, names_of(request), echoed)


def end_of(stop_reason: str | None) -> Ending:
    """The end that Anthropic's `stop_reason` says."""
    return ending_of(FROM_MESSAGES.get(stop_reason or ""))
