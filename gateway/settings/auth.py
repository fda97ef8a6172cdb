"""The section `auth`: callers who show a JWT instead of a key: people by their SSO, pods by their
service accounts.

Each field judges itself with those before it; whether groups and accounts exist is judged in
across.py.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from gateway.settings.groups import Budget
from gateway.settings.keys import Rate
from gateway.settings.values import CaFile, Count
from runtime.configuration import Section
from runtime.jwks.key_set import MOST_BYTES, IssuerUnavailable, keys_of
from runtime.listening import is_loopback
from runtime.urls import check_http_url, host_of

MOST_RULES = 1000
"""Each is looked at for every request whose token the ones before it do not fit."""


def _check_jwks_url(text: str) -> str:
    """As it is written: some issuers' end in a slash, and some have a query."""
    url, _, query = text.partition("?")
    check_http_url(url)
    if "#" in query or not query.isprintable():
        raise ValueError("must be a plain URL, without a fragment")
    if not url.lower().startswith("https:") and not is_loopback(host_of(url)):
        raise ValueError("must be https, except on loopback: whoever changes the keys is anybody")
    return text


def _check_jwks_file(path: Path) -> Path:
    try:
        with path.open("rb") as file:
            keys_of(file.read(MOST_BYTES))
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from None
    except IssuerUnavailable as error:
        raise ValueError(f"{path}: {error}") from None
    return path


JwksUrl = Annotated[str, AfterValidator(_check_jwks_url)]
JwksFile = Annotated[Path, AfterValidator(_check_jwks_file)]
Algorithm = Literal["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"]
ClaimName = Annotated[str, Field(min_length=1, max_length=256)]


class ClaimSettings(Section):
    """Which claims say what; dots lead into objects."""

    person: ClaimName = "sub"
    group: ClaimName | None = None
    account: ClaimName | None = None


class RuleSettings(Section):
    """What those get who have a claim with such a value."""

    claim: ClaimName
    matches: Annotated[str, Field(min_length=1, max_length=256)]
    group: str
    account: str | None = None
    may_mark_agent: bool = False
    max_concurrency: Count | None = None
    max_waiting: Annotated[int, Field(ge=0, le=10_000)] = 20
    rate: Rate = Rate()
    budget: Budget | None = None


class Jwt(Section):
    """One issuer's tokens. The order of the fields matters: later ones are judged with earlier."""

    issuer: Annotated[str, Field(pattern=r"^[!-~]{1,1024}$")]
    audience: Annotated[str, Field(pattern=r"^[!-~]{1,256}$")]
    jwks_url: JwksUrl | None = None
    jwks_file: JwksFile | None = Field(default=None, validate_default=True)
    ca_file: CaFile | None = None
    algorithms: tuple[Algorithm, ...] = ("RS256", "ES256")
    leeway_seconds: Annotated[float, Field(ge=0, le=300)] = 60
    claims: ClaimSettings = ClaimSettings()
    rules: Annotated[tuple[RuleSettings, ...], Field(max_length=MOST_RULES)] = ()
    default_group: str | None = Field(default=None, validate_default=True)

    @field_validator("jwks_file")
    @classmethod
    def _is_the_only_place_of_keys(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if "jwks_url" in info.data and (value is None) == (info.data["jwks_url"] is None):
            raise ValueError("the issuer's keys come from jwks_url or from jwks_file: set one")
        return value

    @field_validator("ca_file")
    @classmethod
    def _is_for_the_url(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is not None and info.data.get("jwks_file") is not None:
            raise ValueError("only for jwks_url")
        return value

    @field_validator("algorithms")
    @classmethod
    def _some_algorithm(cls, value: tuple[Algorithm, ...]) -> tuple[Algorithm, ...]:
        if not value:
            raise ValueError("needs at least one")
        return value

    @field_validator("default_group")
    @classmethod
    def _somebody_gets_in(cls, value: str | None, info: ValidationInfo) -> str | None:
        known = "rules" in info.data and "claims" in info.data
        if known and value is None and not info.data["rules"] and info.data["claims"].group is None:
            raise ValueError(
                "nobody could call: set rules, claims.group, or this for whom no rule fits"
            )
        return value


class Auth(Section):
    """Who may call beside those with a key."""

    jwt: Jwt | None = None
