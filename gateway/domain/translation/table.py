"""The translations there are, by the caller's protocol and upstream's."""

from collections.abc import Mapping

from gateway.domain.protocols import Protocol
from gateway.domain.translation.chat_over_messages.translation import CHAT_OVER_MESSAGES
from gateway.domain.translation.chat_over_responses.translation import CHAT_OVER_RESPONSES
from gateway.domain.translation.contract import Translation
from gateway.domain.translation.messages_over_chat.translation import MESSAGES_OVER_CHAT
from gateway.domain.translation.messages_over_responses.translation import MESSAGES_OVER_RESPONSES
from gateway.domain.translation.responses_over_chat.translation import RESPONSES_OVER_CHAT
from gateway.domain.translation.responses_over_messages.translation import RESPONSES_OVER_MESSAGES

ALL: tuple[Translation, ...] = (
    CHAT_OVER_MESSAGES,
    CHAT_OVER_RESPONSES,
    MESSAGES_OVER_CHAT,
    MESSAGES_OVER_RESPONSES,
    RESPONSES_OVER_CHAT,
    RESPONSES_OVER_MESSAGES,
)

TRANSLATIONS: Mapping[tuple[Protocol, Protocol], Translation] = {
    (each.caller, each.upstream): each for each in ALL
}
