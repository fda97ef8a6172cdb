"""The frame of a Responses answer, from the request it answers."""

import msgspec
from msgspec import UNSET

from gateway.domain.streams.chat_chunks import says
from gateway.domain.translation.chat_over_responses.bodies import Fields
from gateway.domain.translation.contract import Asked
from gateway.domain.translation.for_responses.frame import ECHOED, Frame
from gateway.domain.translation.responses_over_chat.responses_body import Offering
from gateway.domain.translation.responses_over_chat.tools import functions_of, names_of

_decode_fields = msgspec.json.Decoder(Fields).decode
_decode_offering = msgspec.json.Decoder(Offering).decode


def frame_of(asked: Asked) -> Frame:
    """Without the request no custom tool and no namespace is told from a function."""
    body = asked.body or b"{}"
    request = _decode_fields(body)
    echoed = {name: request[name] for name in ECHOED if says(request.get(name, UNSET))}
    return Frame(asked, names_of(functions_of(_decode_offering(body))), echoed)
