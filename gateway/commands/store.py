"""COMPOSITION of the commands that tell the shared store: `pause`, `resume`."""

from gateway.adapters.event_log import LoggedEvents
from gateway.adapters.prometheus import PrometheusEvents
from gateway.adapters.shared_state import SharedState
from gateway.assembly import shared_state_of
from gateway.cli import pausing
from gateway.settings.document import Settings
from runtime.clock import SystemClock

STORE_SECONDS = 5.0
"""How long `pause` tries to reach the shared store."""


async def set_pause(settings: Settings, kind: str, name: str, is_resumed: bool) -> bool:
    """Pause or resume something for all gateways; whether the shared store has taken it."""
    events = LoggedEvents(PrometheusEvents())
    state = shared_state_of(settings, SystemClock(), events)
    async with state.running():
        change = pausing.resume if is_resumed else pausing.pause
        change(state.board, kind, name)
        return isinstance(state, SharedState) and await state.board.sent(STORE_SECONDS)
