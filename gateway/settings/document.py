"""gateway.yaml as a whole: its sections, their defaults, and what this version cannot do yet.

Describes the configuration and acts on nothing. docs/configuration.md says what each setting
means.
"""

from typing import Annotated, Any, Self

from pydantic import (
    Field,
    ModelWrapValidatorHandler,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import SettingsConfigDict

from gateway.settings import across
from gateway.settings.auth import Auth
from gateway.settings.broker import TokenService
from gateway.settings.groups import GroupSettings
from gateway.settings.keys import KeySettings
from gateway.settings.listener import Drain, Listen
from gateway.settings.surroundings import Egress, Store
from gateway.settings.usage import Usage
from gateway.settings.values import Seconds
from runtime.configuration import Document, Section
from runtime.document_rules import judged
from runtime.logs import LogFormat, LogLevel
from runtime.tracing.destination import Protocol, destination


class InitiatorSettings(Section):
    """How X-Initiator is judged."""

    scan_history: bool = False


class Limits(Section):
    """Bounds of one request."""

    body_bytes: Annotated[int, Field(ge=1024, le=256 * 1024 * 1024)] = 32 * 1024 * 1024
    first_byte_seconds: Seconds = 120
    idle_seconds: Seconds = 180
    heartbeat_seconds: Seconds = 15
    total_seconds: Seconds = 3600


class Slots(Section):
    """Places of accounts and keys that requests take."""

    lease_seconds: Seconds = 15


class Log(Section):
    """What is logged, and how."""

    level: LogLevel = "info"
    format: LogFormat = "json"


class Tracing(Section):
    """OpenTelemetry."""

    protocol: Protocol | None = None
    otlp_endpoint: str | None = None
    sample_ratio: Annotated[float, Field(ge=0, le=1)] = 1.0

    @field_validator("otlp_endpoint")
    @classmethod
    def _is_an_endpoint(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None:
            destination(value, info.data.get("protocol"))
        return value


class Settings(Document):
    """The whole of gateway.yaml."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY__")

    listen: Listen = Listen()
    token_service: TokenService = TokenService()
    store: Store = Store()
    usage: Usage = Usage()
    egress: Egress = Egress()
    groups: tuple[GroupSettings, ...]
    keys: tuple[KeySettings, ...] = ()
    auth: Auth = Auth()
    initiator: InitiatorSettings = InitiatorSettings()
    limits: Limits = Limits()
    slots: Slots = Slots()
    drain: Drain = Drain()
    log: Log = Log()
    tracing: Tracing = Tracing()

    @field_validator("groups")
    @classmethod
    def _some_group(cls, value: tuple[GroupSettings, ...]) -> tuple[GroupSettings, ...]:
        if not value:
            raise ValueError("needs at least one group")
        return value

    @model_validator(mode="wrap")
    @classmethod
    def _fits_together(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Judge the values one by one and all together, and report all of it at once."""
        return judged(value, handler, across.problems)
