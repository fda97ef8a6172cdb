"""The accounts of the configuration, each value by itself; across judges them together."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from runtime.configuration import Section, read_secret
from token_service.domain.credentials import Choice, choose, classify
from token_service.domain.errors import CredentialKindUnsupported, HostNotAllowed
from token_service.domain.hosts import Site, check_api_url, tenant_of
from token_service.settings.values import (
    AccountName,
    AllowedHost,
    AppId,
    AppKeyFile,
    GitHubId,
    Permission,
    SecretFile,
    Token,
)


class GitHubApp(Section):
    """The account's GitHub App."""

    app_id: AppId
    installation_id: GitHubId
    private_key_file: AppKeyFile
    # GitHub takes no more than this at once.
    repository_ids: Annotated[tuple[GitHubId, ...], Field(max_length=500)] = ()
    permissions: dict[Permission, Literal["read", "write", "admin"]] = Field(default_factory=dict)


class AccountSettings(Section):
    """One account. The order of the fields matters: later ones are judged with earlier ones."""

    id: AccountName
    strategy: Literal["auto", "exchange", "direct", "github_app", "static"] = "auto"
    github_app: GitHubApp | None = None
    github_host: str = "github.com"
    allowed_hosts: tuple[AllowedHost, ...] = ()
    base_url: str | None = None
    github_token: Token | None = Field(default=None, repr=False)
    github_token_file: SecretFile | None = None

    @field_validator("github_host")
    @classmethod
    def _is_a_github(cls, value: str) -> str:
        tenant_of(value)
        return value

    @field_validator("base_url")
    @classmethod
    def _is_allowed(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None or not {"github_host", "allowed_hosts"} <= info.data.keys():
            return value
        tenant = tenant_of(info.data["github_host"])
        try:
            site = Site("", tenant, allowed_hosts=frozenset(info.data["allowed_hosts"]))
            return check_api_url(value, site)
        except HostNotAllowed as error:
            raise ValueError(error.message) from None


class CheckedAccount(AccountSettings):
    """An account whose credential has to be of a kind that its strategy can use.

    Only `--check` asks for that. A running service answers CREDENTIAL_KIND_UNSUPPORTED for such
    an account, so that one wrong credential does not take the others down.
    """

    @field_validator("github_token", "github_token_file")
    @classmethod
    def _suits_the_strategy(cls, value: Any, info: ValidationInfo) -> Any:
        strategy = info.data.get("strategy")
        # That an App takes no token at all, across says.
        if value is not None and strategy in set(Choice) - {Choice.GITHUB_APP}:
            try:
                choose(Choice(strategy), classify(credential_in(value)))
            except CredentialKindUnsupported as error:
                raise ValueError(error.message) from None
        return value

    def summary(self) -> str:
        """Strategy and kind of credential, in words."""
        if self.github_app is not None:
            app = self.github_app
            return (
                f"strategy github_app, App {app.app_id} in installation {app.installation_id}, "
                f"key in {app.private_key_file}"
            )
        kind = classify(credential_in(self.github_token_file or self.github_token))
        chosen = choose(Choice(self.strategy), kind)
        where = self.github_token_file or "the configuration"
        return f"strategy {chosen} ({self.strategy}), {kind} credential in {where}"


def credential_in(place: SecretStr | Path | None) -> str:
    """The credential. Raises ValueError when its file cannot be read."""
    if isinstance(place, SecretStr):
        return place.get_secret_value()
    return read_secret(place) if place is not None else ""
