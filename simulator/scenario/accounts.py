"""How a scenario describes accounts: whose they are, what their credentials are good for.

Describes only; what an account does in a running simulator is state/accounts.py's.
Sections cited are those of the wire reference, copilot-upstream.md.
"""

from enum import StrEnum
from typing import Annotated, Literal, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Seconds = Annotated[float, Field(ge=0, le=10_000_000)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


def _check_public_key(text: str) -> str:
    try:
        key = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("must be a public key in PEM") from None
    if not isinstance(key, RSAPublicKey):
        raise ValueError("must be an RSA key")
    return text


PublicKey = Annotated[str, AfterValidator(_check_public_key), Field(repr=False)]
Level = Literal["read", "write", "admin"]


class Part(BaseModel):
    """A part of a scenario: immutable, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Seat(StrEnum):
    """What the exchange says to an account's credentials (§3.4)."""

    ACTIVE = "active"
    BAD_CREDENTIALS = "bad_credentials"
    RATE_LIMITED = "rate_limited"
    SECONDARY_LIMIT = "secondary_limit"
    SECONDARY_LIMIT_403 = "secondary_limit_403"
    WRONG_KIND = "wrong_kind"
    NOT_FOUND = "not_found"
    HTTP_500 = "http_500"
    HTTP_502 = "http_502"
    HTTP_503 = "http_503"
    HTTP_504 = "http_504"
    UNICORN = "unicorn"
    GARBAGE = "garbage"
    TOKENLESS = "tokenless"
    HANG = "hang"
    # The notification ids of the 403 envelope.
    NO_COPILOT_ACCESS = "no_copilot_access"
    NOT_SIGNED_UP = "not_signed_up"
    SUBSCRIPTION_ENDED = "subscription_ended"
    ENTERPRISE_MANAGED_USER_ACCOUNT = "enterprise_managed_user_account"
    FEATURE_FLAG_BLOCKED = "feature_flag_blocked"
    SPAMMY_USER = "spammy_user"
    BILLING_LOCKED = "billing_locked"
    TRADE_RESTRICTED = "trade_restricted"
    TRADE_RESTRICTED_COUNTRY = "trade_restricted_country"
    CODESPACES_DEMO_INACTIVE = "codespaces_demo_inactive"
    SNIPPY_NOT_CONFIGURED = "snippy_not_configured"
    EXPIRED_COUPON = "expired_coupon"
    REVOKED_COUPON = "revoked_coupon"
    GO_HTTP_CLIENT = "go_http_client"
    PROGRAMMATIC_TOKEN_GENERATION = "programmatic_token_generation"  # noqa: S105  an id of §3.4
    ACCESS_REVOKED = "access_revoked"
    SERVER_ERROR = "server_error"


class Plan(StrEnum):
    """A plan; each may have an API host of its own (§5.1)."""

    FREE = "free"
    INDIVIDUAL = "individual"
    BUSINESS = "business"
    ENTERPRISE = "enterprise"


class TokenLife(Part):
    """How long Copilot tokens live and when they ask to be renewed (§3.2)."""

    life_seconds: Seconds = 1800
    refresh_in_seconds: Seconds | None = None

    @property
    def refresh_in(self) -> int | float:
        """What `refresh_in` says: as set, else 300 s before the end, half of a short life."""
        if self.refresh_in_seconds is not None:
            seconds = self.refresh_in_seconds
        else:
            seconds = max(self.life_seconds - 300, self.life_seconds / 2)
        return int(seconds) if seconds == int(seconds) else seconds


class Quota(Part):
    """The monthly allowance in AI credits (§4.1, §4.4)."""

    credits: float = 7000
    used: float = 0
    enforce: bool = False


def _usual_permissions() -> dict[str, Level]:
    return {"organization_copilot_requests": "read"}


class App(Part):
    """A GitHub App where it is installed, on an organization that is an account (§1, §2.4).

    public_key: in PEM; what signs an App's claims stays with whoever asks.
    """

    app_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9.]{1,64}$")]
    installation_id: Annotated[int, Field(gt=0)]
    public_key: PublicKey
    repository_ids: tuple[int, ...] = ()
    permissions: dict[str, Level] = Field(default_factory=_usual_permissions)
    suspended: bool = False
    life_seconds: Seconds = 3600


class Account(Part):
    """One GitHub account and its Copilot seat."""

    login: Name
    plan: Plan = Plan.INDIVIDUAL
    sku: str | None = None
    credentials: tuple[Name, ...] = ()
    app: App | None = None
    seat: Seat = Seat.ACTIVE
    direct: bool = True
    gho_exchanges: bool = False
    copilot_requests: bool = True
    token: TokenLife | None = None
    drop: tuple[Name, ...] = ()
    api_url: str | None = None
    organizations: tuple[Name, ...] = ()
    notification: str | None = None
    token_based_billing: bool = True
    quota: Quota = Quota()
    refusal: Name | None = None
    latency_seconds: Seconds = 0


class Crowd(Part):
    """Many accounts that differ by a number, for runs at full size.

    `{n}` in the login and in the credential stands for 1, 2, … `count`.
    """

    count: Annotated[int, Field(ge=0, le=100_000)] = 0
    login: Name = "seat-{n}"
    credential: Name = "ghu_simulated_seat_{n}"
    plan: Plan = Plan.BUSINESS

    @model_validator(mode="after")
    def _numbered(self) -> Self:
        if "{n}" not in self.login or "{n}" not in self.credential:
            raise ValueError("login and credential must contain {n}")
        return self


DEFAULT_ACCOUNTS = (
    Account(
        login="octocat",
        sku="plus_monthly_subscriber_quota",
        credentials=(
            "ghu_simulated_octocat",
            "gho_simulated_octocat",
            "github_pat_simulated",
            "ghp_simulated",
        ),
    ),
    Account(
        login="noaccess",
        credentials=("ghu_simulated_noaccess",),
        seat=Seat.NO_COPILOT_ACCESS,
    ),
)
