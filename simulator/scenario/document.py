"""A whole scenario: every knob of the simulator with its default.

Describes only. The default scenario is this document with nothing set.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from simulator.scenario.accounts import (
    DEFAULT_ACCOUNTS,
    Account,
    Crowd,
    Name,
    Part,
    TokenLife,
)
from simulator.scenario.faults import Fault, Script

SkewSeconds = Annotated[float, Field(ge=-10_000_000, le=10_000_000)]


class ClockKnobs(Part):
    """How the simulator's clock differs from this machine's.

    `advance_seconds` moves its whole idea of now. The skews only change what it says:
    `skew_seconds` all three at once, the others one each, on top.
    """

    advance_seconds: SkewSeconds = 0
    skew_seconds: SkewSeconds = 0
    date_skew_seconds: SkewSeconds = 0
    exp_skew_seconds: SkewSeconds = 0
    expires_at_skew_seconds: SkewSeconds = 0


class DeviceKnobs(Part):
    """The device flow (§2.2). An empty list of client ids means that every id is known."""

    enabled: bool = True
    client_ids: tuple[Name, ...] = ()
    interval_seconds: Annotated[int, Field(ge=0, le=900)] = 5
    expires_in_seconds: Annotated[int, Field(ge=1, le=100_000)] = 899
    account: Name = "octocat"
    answer: Literal["ask", "grant", "deny"] = "ask"
    after_polls: Annotated[int, Field(ge=0)] = 0


class CatalogueKnobs(Part):
    """What differs from the built-in catalogue (§5.5)."""

    only: tuple[Name, ...] = ()
    disabled: tuple[Name, ...] = ()
    extra: tuple[dict[str, Any], ...] = ()


class HttpKnobs(Part):
    """What all endpoints have in common."""

    gzip: bool = False
    require_editor_version: bool = True
    retired_api_versions: tuple[Name, ...] = ()
    body_limit_bytes: Annotated[int, Field(ge=1)] = 64 * 1024 * 1024
    quota_headers: bool = True
    check_item_ids: bool = False
    check_tool_calls: bool = False


class LedgerKnobs(Part):
    """What is remembered of the requests."""

    keep: Annotated[int, Field(ge=1, le=1_000_000)] = 100_000
    keep_bodies: bool = False


class Scenario(Part):
    """Everything a run is told."""

    description: str = ""
    seed: int | None = None
    accept_any: bool = False
    accounts: tuple[Account, ...] = DEFAULT_ACCOUNTS
    crowd: Crowd = Crowd()
    token: TokenLife = TokenLife()
    clock: ClockKnobs = ClockKnobs()
    device: DeviceKnobs = DeviceKnobs()
    models: CatalogueKnobs = CatalogueKnobs()
    chat: Script = Script()
    http: HttpKnobs = HttpKnobs()
    ledger: LedgerKnobs = LedgerKnobs()
    faults: tuple[Fault, ...] = ()

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        logins = [account.login for account in self.accounts]
        credentials = [text for account in self.accounts for text in account.credentials]
        installations = [each.app.installation_id for each in self.accounts if each.app]
        if len(set(installations)) < len(installations):
            raise ValueError("two accounts have the same installation_id")
        if len(set(logins)) < len(logins):
            raise ValueError("two accounts have the same login")
        if len(set(credentials)) < len(credentials):
            raise ValueError("two accounts have the same credential")
        return self
