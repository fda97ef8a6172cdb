"""gateway.yaml: its shape, its defaults, and what this version cannot do yet.

Describes the configuration and acts on nothing; bootstrap.py turns it into values for the rest.
docs/configuration.md says what each setting means.
"""

import ssl
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from runtime.configuration import Document, Section, check_secret_file
from runtime.logs import LogFormat, LogLevel


def _check_authorities(path: Path) -> Path:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except OSError as error:
        raise ValueError(f"{path}: holds no certificates in PEM, or cannot be read") from error
    return path


def _check_pair(cert: Path, key: Path) -> None:
    try:
        # A passphrase is not asked for on a terminal that a service has not.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(cert, key, password="")
    except (OSError, ValueError):
        raise ValueError(
            f"{cert} and {key}: no certificate and key in PEM that belong together"
        ) from None


CaFile = Annotated[Path, AfterValidator(_check_authorities)]
SecretFile = Annotated[Path, AfterValidator(check_secret_file)]
Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=1)]


class NotYet(ValueError):
    """A choice that is part of the format but not of this version."""

    def __init__(self, alternative: str) -> None:
        super().__init__(f"not available in this version; {alternative}")


class ListenTls(Section):
    """Certificates of the callers' port."""

    cert_file: Path
    key_file: Path


class Listen(Section):
    """Where callers and operators connect."""

    host: str = "127.0.0.1"
    port: Port = 8080
    ops_port: Port = 9102
    workers: Count = 1
    tls: ListenTls | None = None
    trusted_proxies: tuple[str, ...] = ()
    connection_max_age_seconds: Seconds = 3600

    @field_validator("workers")
    @classmethod
    def _one_worker(cls, value: int) -> int:
        if value > 1:
            raise NotYet("set it to 1 and run more replicas")
        return value

    @field_validator("tls")
    @classmethod
    def _no_tls(cls, value: ListenTls | None) -> None:
        if value is not None:
            raise NotYet("end TLS in front of the gateway and leave it null")


class ClientTls(Section):
    """How the gateway knows token_service, and shows itself to it. Plaintext while all are null."""

    ca_file: CaFile | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    @property
    def wanted(self) -> bool:
        """Whether the connection is TLS."""
        return any((self.ca_file, self.cert_file, self.key_file))

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file go together: set both or neither")
        if self.cert_file is not None and self.key_file is not None:
            _check_pair(self.cert_file, self.key_file)
        return self


class TokenService(Section):
    """The token broker."""

    target: str = "127.0.0.1:50051"
    tls: ClientTls = ClientTls()
    token_file: SecretFile | None = None


class Store(Section):
    """What replicas share."""

    url: str = "memory://"
    ca_file: Path | None = None
    password_file: Path | None = None

    @field_validator("url")
    @classmethod
    def _memory_only(cls, value: str) -> str:
        if value != "memory://":
            raise NotYet("use memory://")
        return value


class Usage(Section):
    """The usage ledger."""

    database_url: str = "sqlite:///usage.db"
    journal_dir: Path = Path("./journal")
    retention_days: Count = 400
    on_full: Literal["refuse", "drop"] = "refuse"


class Egress(Section):
    """The way out to upstream."""

    proxy_url: str | None = None
    ca_file: Path | None = None

    @field_validator("ca_file")
    @classmethod
    def _readable(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError(f"{value}: no such file")
        return value


class GroupAccount(Section):
    """One account of a group."""

    id: Identifier
    priority: int = 0
    weight: Count = 1
    max_concurrency: Count | None = None
    base_url: str | None = None
    api_key_file: SecretFile | None = None


class Models(Section):
    """Which models a group may name, and by which other names."""

    aliases: Mapping[str, str] = Field(default_factory=dict)
    allow: tuple[str, ...] = ("*",)


class Failover(Section):
    """When a group's request may move to another account."""

    max_switches: Annotated[int, Field(ge=0, le=20)] = 5
    on_quota: Literal["stop", "move"] = "stop"


class Budget(Section):
    """How much may be spent in a period."""

    period: Literal["day", "month"] = "month"
    requests: Count | None = None
    tokens: Count | None = None
    credits: Annotated[float, Field(gt=0)] | None = None
    shadow: bool = False
    when_unknown: Literal["allow", "refuse"] = "allow"


class Group(Section):
    """Keys that share accounts and rules."""

    id: Identifier
    platform: Literal["copilot", "openai"] = "copilot"
    accounts: tuple[GroupAccount, ...]
    models: Models = Models()
    failover: Failover = Failover()
    fallback_group: str | None = None
    budget: Budget | None = None

    @field_validator("platform")
    @classmethod
    def _copilot_only(cls, value: str) -> str:
        if value != "copilot":
            raise NotYet("use copilot")
        return value

    @field_validator("accounts")
    @classmethod
    def _some_account(cls, value: tuple[GroupAccount, ...]) -> tuple[GroupAccount, ...]:
        if not value:
            raise ValueError("needs an account")
        _refuse_repeats("id", (account.id for account in value))
        return value


class Rate(Section):
    """How much may be asked in a minute."""

    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None


class Key(Section):
    """One of the company's own API keys, by its digest."""

    id: Identifier
    sha256: Sha256
    group: str
    account: str | None = None
    expires_at: datetime | None = None
    max_concurrency: Count | None = None
    max_waiting: Annotated[int, Field(ge=0)] = 20
    may_mark_agent: bool = False
    rate: Rate = Rate()
    budget: Budget | None = None

    @field_validator("expires_at")
    @classmethod
    def _with_zone(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("needs a time zone, such as 2027-01-31T00:00:00Z")
        return value


class InitiatorSettings(Section):
    """How X-Initiator is judged."""

    scan_history: bool = False

    @field_validator("scan_history")
    @classmethod
    def _no_scan(cls, value: bool) -> bool:
        if value:
            raise NotYet("leave it false")
        return value


class Limits(Section):
    """Bounds of one request."""

    body_bytes: Annotated[int, Field(ge=1024, le=256 * 1024 * 1024)] = 32 * 1024 * 1024
    first_byte_seconds: Seconds = 120
    idle_seconds: Seconds = 180
    heartbeat_seconds: Seconds = 15
    total_seconds: Seconds = 3600


class Slots(Section):
    """Leases of concurrency slots."""

    lease_seconds: Seconds = 15


class Drain(Section):
    """How long a replica goes on after it was asked to end."""

    grace_seconds: Annotated[float, Field(ge=0, le=600)] = 10
    stream_seconds: Annotated[float, Field(ge=0, le=3600)] = 540


class Log(Section):
    """What is logged, and how."""

    level: LogLevel = "info"
    format: LogFormat = "json"


class Tracing(Section):
    """OpenTelemetry."""

    otlp_endpoint: str | None = None

    @field_validator("otlp_endpoint")
    @classmethod
    def _no_tracing(cls, value: str | None) -> None:
        if value is not None:
            raise NotYet("leave it null")


class Settings(Document):
    """The whole of gateway.yaml."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY__")

    listen: Listen = Listen()
    token_service: TokenService = TokenService()
    store: Store = Store()
    usage: Usage = Usage()
    egress: Egress = Egress()
    groups: tuple[Group, ...]
    keys: tuple[Key, ...] = ()
    initiator: InitiatorSettings = InitiatorSettings()
    limits: Limits = Limits()
    slots: Slots = Slots()
    drain: Drain = Drain()
    log: Log = Log()
    tracing: Tracing = Tracing()

    @field_validator("groups")
    @classmethod
    def _distinct_groups(cls, value: tuple[Group, ...]) -> tuple[Group, ...]:
        if not value:
            raise ValueError("needs at least one group")
        _refuse_repeats("id", (group.id for group in value))
        return value

    @field_validator("keys")
    @classmethod
    def _keys_fit_groups(cls, value: tuple[Key, ...], info: ValidationInfo) -> tuple[Key, ...]:
        _refuse_repeats("id", (key.id for key in value))
        _refuse_repeats("sha256", (key.sha256 for key in value))
        if "groups" in info.data:
            problems = tuple(_misfits(value, info.data["groups"]))
            if problems:
                raise ValueError("; ".join(problems))
        return value


def _refuse_repeats(name: str, values: Iterator[str]) -> None:
    repeated = [value for value, count in Counter(values).items() if count > 1]
    if repeated and name == "sha256":
        raise ValueError("two keys have the same sha256")
    if repeated:
        raise ValueError(f"given more than once: {', '.join(repeated)}")


def _misfits(keys: tuple[Key, ...], groups: tuple[Group, ...]) -> Iterator[str]:
    accounts = {group.id: {account.id for account in group.accounts} for group in groups}
    for key in keys:
        if key.group not in accounts:
            yield f"key '{key.id}' names the group '{key.group}', which is not there"
        elif key.account is not None and key.account not in accounts[key.group]:
            yield f"key '{key.id}' names the account '{key.account}', which its group has not"
