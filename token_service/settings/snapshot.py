"""One reading of the configuration: the settings, the accounts they come to, their credentials.

All of it is read and judged before any of it is used, so that a reload takes effect whole or
not at all. Says which files it was made of, and which settings only a restart can change.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.configuration import ConfigurationError, load, read_pem
from runtime.rereading import differing
from token_service.domain.callers import Directory
from token_service.domain.credentials import Choice, Installation, digest
from token_service.domain.hosts import Site, api_url_of, tenant_of
from token_service.domain.tokens import Account, AccountId
from token_service.settings.accounts import AccountSettings, GitHubApp, credential_in
from token_service.settings.callers import directory_of
from token_service.settings.document import Settings

# What a running service takes over; everything else is read once, when it starts.
RELOADED = frozenset({"accounts", "auth.callers"})


@dataclass(frozen=True)
class Snapshot:
    """Settings that were judged as a whole, and what they come to."""

    settings: Settings
    accounts: tuple[Account, ...]
    credentials: Mapping[AccountId, str] = field(repr=False)
    directory: Directory


def read_snapshot(path: Path, started_with: Settings) -> Snapshot:
    """Read everything again. Raises ConfigurationError with every problem found."""
    return snapshot_of(load(Settings, path), started_with)


def snapshot_of(settings: Settings, started_with: Settings | None = None) -> Snapshot:
    """What these settings come to, in a process that was started with others.

    Raises ConfigurationError when a file has gone since the settings were judged.
    """
    running = started_with or settings
    accounts = []
    credentials = {}
    problems = []
    for number, each in enumerate(settings.accounts):
        try:
            credential = _credential(each)
        except ValueError as error:
            problems.append(f"accounts[{number}]: {error}")
            continue
        account = _account(each, running.github.api_url, credential)
        accounts.append(account)
        credentials[account.id] = credential
    if problems:
        raise ConfigurationError(tuple(problems))
    # Callers of another mode would only lock out those of the mode that is running.
    auth = settings.auth if settings.auth.mode == running.auth.mode else running.auth
    directory = directory_of(auth, running.listen)
    return Snapshot(settings, tuple(accounts), credentials, directory)


def files_of(snapshot: Snapshot) -> Iterator[Path]:
    """The files the accounts and their credentials were read from, beside the document."""
    for account in snapshot.settings.accounts:
        if account.github_app is not None:
            yield account.github_app.private_key_file
        elif account.github_token_file is not None:
            yield account.github_token_file


def restart_needed(started_with: Settings, now: Settings) -> list[str]:
    """The paths of the settings that differ and that only a restart can change."""
    return differing(started_with, now, RELOADED)


def _credential(account: AccountSettings) -> str:
    if account.github_app is not None:
        return read_pem(account.github_app.private_key_file)
    return credential_in(account.github_token_file or account.github_token)


def _account(account: AccountSettings, github_url: str, credential: str) -> Account:
    tenant = tenant_of(account.github_host)
    site = Site(
        api_url=api_url_of(tenant, github_url),
        tenant=tenant,
        base_url=account.base_url,
        allowed_hosts=frozenset(account.allowed_hosts),
    )
    installation = _installation(account.github_app)
    return Account(
        AccountId(account.id),
        Choice(account.strategy),
        site,
        installation,
        digest(credential, installation),
    )


def _installation(app: GitHubApp | None) -> Installation | None:
    if app is None:
        return None
    values: dict[str, Any] = app.model_dump(exclude={"private_key_file"})
    return Installation(**values)
