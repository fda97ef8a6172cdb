"""The accounts of the configuration, each judged by itself and all of them together."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

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
    github_app: GitHubApp | None = Field(default=None, validate_default=True)
    github_host: str = "github.com"
    allowed_hosts: tuple[AllowedHost, ...] = ()
    base_url: str | None = None
    github_token: Token | None = Field(default=None, repr=False)
    github_token_file: SecretFile | None = Field(default=None, validate_default=True)

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

    @field_validator("github_app")
    @classmethod
    def _goes_with_its_strategy(
        cls, value: GitHubApp | None, info: ValidationInfo
    ) -> GitHubApp | None:
        strategy = info.data.get("strategy")
        if value is None and strategy == "github_app":
            raise ValueError("required: the App that the strategy github_app is about")
        if value is not None and strategy not in ("github_app", None):
            raise ValueError("only the strategy github_app takes an App; set that strategy")
        return value

    @field_validator("github_token_file")
    @classmethod
    def _is_the_only_credential(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if "github_token" not in info.data or "strategy" not in info.data:
            return value
        if info.data["strategy"] == "github_app":
            if value is not None or info.data["github_token"] is not None:
                raise ValueError("the strategy github_app takes its App's key and no GitHub token")
            return None
        if value is not None and info.data["github_token"] is not None:
            raise ValueError("github_token is set too; give one of the two")
        if value is None and info.data["github_token"] is None:
            raise ValueError("required: the file with the account's credential (or github_token)")
        return value


class CheckedAccount(AccountSettings):
    """An account whose credential has to be of a kind that its strategy can use.

    Only `--check` asks for that. A running service answers CREDENTIAL_KIND_UNSUPPORTED for such
    an account, so that one wrong credential does not take the others down.
    """

    @field_validator("github_token", "github_token_file")
    @classmethod
    def _suits_the_strategy(cls, value: Any, info: ValidationInfo) -> Any:
        strategy = info.data.get("strategy")
        if value is not None and strategy in tuple(Choice):
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


def distinct(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """Judge the accounts one by one and together, and report all of it at once."""
    # Before the accounts are judged one by one, or a bad one would hide a double one.
    problems = _repeated_ids(value)
    accounts: Any = ()
    try:
        accounts = handler(value)
    except ValidationError as error:
        problems += [
            problem(item["type"], item["msg"], item["loc"])
            for item in error.errors(include_input=False, include_url=False)
        ]
    if problems:
        raise ValidationError.from_exception_data("accounts", problems, hide_input=True)
    return accounts


def _repeated_ids(value: Any) -> list[InitErrorDetails]:
    entries = value if isinstance(value, (list, tuple)) else ()
    ids = [entry.get("id") if isinstance(entry, dict) else None for entry in entries]
    seen: set[str] = set()
    problems = []
    for position, each in enumerate(ids):
        if isinstance(each, str) and each in seen:
            text = "another account has this id already"
            problems.append(problem("repeated", text, (position, "id")))
        if isinstance(each, str):
            seen.add(each)
    if isinstance(value, (list, tuple)) and not value:
        problems.append(problem("too_short", "at least one account is needed", ()))
    return problems


def problem(kind: str, text: str, where: tuple[int | str, ...]) -> InitErrorDetails:
    """A problem for ValidationError, at this place below the section."""
    # Braces would be read as places for values.
    plain = text.replace("{", "(").replace("}", ")")
    return InitErrorDetails(type=PydanticCustomError(kind, plain), loc=where, input=None)
