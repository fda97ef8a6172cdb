"""The sections `listen` and `drain`: where the gateway is reached, and how it stops being."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from gateway.domain.client_address import networks
from gateway.settings.not_yet import NotYet
from gateway.settings.values import Port, Seconds
from runtime.configuration import Section


class ListenTls(Section):
    """Certificates of the callers' port."""

    cert_file: Path
    key_file: Path


class Listen(Section):
    """Where callers and operators connect."""

    host: str = "127.0.0.1"
    port: Port = 8080
    ops_port: Port = 9102
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    tls: ListenTls | None = None
    trusted_proxies: tuple[str, ...] = ()
    connection_max_age_seconds: Seconds = 3600

    @model_validator(mode="after")
    def _two_ports(self) -> Self:
        if self.port == self.ops_port != 0:
            raise ValueError("port and ops_port must differ")
        return self

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        networks(value)
        return value

    @field_validator("tls")
    @classmethod
    def _no_tls(cls, value: ListenTls | None) -> None:
        if value is not None:
            raise NotYet("end TLS in front of the gateway and leave it null")


class Drain(Section):
    """How long a replica goes on after it was asked to end."""

    grace_seconds: Annotated[float, Field(ge=0, le=600)] = 10
    stream_seconds: Annotated[float, Field(ge=0, le=3600)] = 540
