"""One reading of gateway.yaml: the settings, and the domain's values they come to.

All of it is read and judged before any of it is used, so that a reload takes effect whole or not
at all. Says which files it was made of, and which settings a running gateway takes over.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

from gateway.domain.api_keys import ApiKey, Rate
from gateway.domain.breaker import WITNESSES
from gateway.domain.budgets.budget import Budget
from gateway.domain.budgets.period import Period
from gateway.domain.failover import Policy
from gateway.domain.groups import Group, GroupAccount
from gateway.domain.jwt_claims import CallerRules, ClaimNames, Rule, groups_open_to, plain_grant
from gateway.domain.usage.credits import nano_aiu_of
from gateway.settings import groups as sections
from gateway.settings.auth import Jwt, RuleSettings
from gateway.settings.document import Settings
from gateway.settings.groups import AccountSettings, GroupSettings
from gateway.settings.keys import KeySettings
from gateway.settings.keys import Rate as RateSettings
from gateway.settings.surroundings import Egress
from runtime.configuration import ConfigurationError, load, read_secret
from runtime.urls import host_of

RELOADED = frozenset(
    {
        "groups",
        "keys",
        "egress.private_hosts",
        *(f"auth.jwt.{name}" for name in ("claims", "rules", "default_group")),
    }
)
"""What a running gateway takes over; everything else is read once, when it starts."""


@dataclass(frozen=True)
class Snapshot:
    """Settings that were judged as a whole, and what they come to."""

    settings: Settings
    keys: Mapping[str, ApiKey] = field(repr=False)
    """By the SHA-256 of the key."""
    groups: Mapping[str, Group]
    """By id."""
    accounts: Mapping[str, GroupAccount]
    """By id; priority and weight are those of the first group that has the account."""
    caller_rules: CallerRules
    """What callers' tokens lead to; without `auth.jwt` nothing."""
    private_hosts: frozenset[str]
    """The names that may lead to private addresses: those that an operator has written down."""


def read_snapshot(path: Path, started_with: Settings) -> Snapshot:
    """Read everything again. Raises ConfigurationError with every problem found."""
    return snapshot_of(load(Settings, path), started_with)


def snapshot_of(settings: Settings, started_with: Settings | None = None) -> Snapshot:
    """What these settings come to, in a process that was started with others.

    Raises ConfigurationError when a file has gone since the settings were judged.
    """
    api_keys = _api_keys(settings)
    members = Counter(key.group for key in settings.keys)
    groups = {group.id: _group(group, members[group.id], api_keys) for group in settings.groups}
    rules = _caller_rules(settings.auth.jwt, (started_with or settings).auth.jwt, groups)
    for id_ in groups_open_to(rules) & groups.keys():
        # How many holders of tokens there are nobody knows; it can be as many as it takes.
        groups[id_] = replace(groups[id_], keys=groups[id_].keys + WITNESSES)
    accounts: dict[str, GroupAccount] = {}
    for each in groups.values():
        for account in each.accounts:
            accounts.setdefault(account.id, account)
    return Snapshot(
        settings,
        keys={key.sha256: _key(key) for key in settings.keys},
        groups=groups,
        accounts=accounts,
        caller_rules=rules,
        private_hosts=frozenset(
            _private_hosts(accounts, settings.egress, (started_with or settings).egress)
        ),
    )


def files_of(snapshot: Snapshot) -> Iterator[Path]:
    """The files the accounts' API keys were read from, beside the document."""
    paths = (path for _, path in _api_key_files(snapshot.settings))
    return iter(dict.fromkeys(paths))


def _private_hosts(
    accounts: Mapping[str, GroupAccount], egress: Egress, running: Egress
) -> Iterator[str]:
    yield from egress.private_hosts
    # The proxy that is in use until there is a restart.
    if running.proxy_url is not None:
        yield host_of(running.proxy_url)
    for account in accounts.values():
        if account.base_url is not None:
            yield host_of(account.base_url)


def _api_keys(settings: Settings) -> dict[Path, str]:
    """What the files hold. Raises ConfigurationError."""
    found: dict[Path, str] = {}
    problems = []
    for where, path in _api_key_files(settings):
        try:
            found[path] = read_secret(path)
        except ValueError as error:
            problems.append(f"{where}: {error}")
    if problems:
        raise ConfigurationError(tuple(problems))
    return found


def _api_key_files(settings: Settings) -> Iterator[tuple[str, Path]]:
    for number, group in enumerate(settings.groups):
        for position, account in enumerate(group.accounts):
            if account.api_key_file is not None:
                where = f"groups[{number}].accounts[{position}].api_key_file"
                yield where, account.api_key_file


def _group(group: GroupSettings, keys: int, api_keys: Mapping[Path, str]) -> Group:
    return Group(
        id=group.id,
        platform=group.platform,
        accounts=tuple(_account(each, group.platform, api_keys) for each in group.accounts),
        allow=group.models.allow,
        aliases=tuple(group.models.aliases.items()),
        failover=Policy(group.failover.max_switches, group.failover.on_quota),
        fallback=group.fallback_group,
        keys=keys,
        budget=_budget(group.budget),
    )


def _account(account: AccountSettings, platform: str, api_keys: Mapping[Path, str]) -> GroupAccount:
    return GroupAccount(
        id=account.id,
        priority=account.priority,
        weight=account.weight,
        max_concurrency=account.max_concurrency,
        platform=platform,
        base_url=account.base_url,
        api_key=api_keys[account.api_key_file] if account.api_key_file is not None else None,
    )


def _key(key: KeySettings) -> ApiKey:
    return ApiKey(
        id=key.id,
        group=key.group,
        account=key.account,
        expires_at=key.expires_at.timestamp() if key.expires_at is not None else None,
        may_mark_agent=key.may_mark_agent,
        max_concurrency=key.max_concurrency,
        max_waiting=key.max_waiting,
        sha256=key.sha256,
        budget=_budget(key.budget),
        rate=_rate(key.rate),
    )


def _caller_rules(jwt: Jwt | None, running: Jwt | None, groups: Mapping[str, Group]) -> CallerRules:
    if jwt is None:
        return CallerRules()
    return CallerRules(
        # The issuer whose tokens are believed until there is a restart.
        issuer=(running or jwt).issuer,
        names=ClaimNames(jwt.claims.person, jwt.claims.group, jwt.claims.account),
        rules=tuple(Rule(rule.claim, rule.matches, _grant(rule)) for rule in jwt.rules),
        default=plain_grant(jwt.default_group) if jwt.default_group is not None else None,
        accounts={
            id_: frozenset(account.id for account in group.accounts)
            for id_, group in groups.items()
        },
    )


def _grant(rule: RuleSettings) -> ApiKey:
    return replace(
        plain_grant(rule.group),
        account=rule.account,
        may_mark_agent=rule.may_mark_agent,
        max_concurrency=rule.max_concurrency,
        max_waiting=rule.max_waiting,
        budget=_budget(rule.budget),
        rate=_rate(rule.rate),
    )


def _rate(rate: RateSettings) -> Rate | None:
    """None also for one that limits nothing."""
    found = Rate(rate.requests_per_minute, rate.tokens_per_minute)
    return found if found.limits_anything else None


def _budget(budget: sections.Budget | None) -> Budget | None:
    """None also for one that limits nothing."""
    if budget is None:
        return None
    found = Budget(
        period=Period(budget.period),
        requests=budget.requests,
        tokens=budget.tokens,
        nano_aiu=_nano_aiu(budget.credits),
        is_shadow=budget.shadow,
        refuses_unknown=budget.when_unknown == "refuse",
    )
    return found if found.limits_anything else None


def _nano_aiu(credits_: float | None) -> int | None:
    """Exactly what was written: 0.1 is no binary fraction."""
    if credits_ is None:
        return None
    return nano_aiu_of(Decimal(str(credits_)))
