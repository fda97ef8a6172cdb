"""What an operator should know about settings that are valid: said at every start and by --check.

Reads settings and returns lines of text; holds no secret, since the settings hold none.
"""

import re
from collections.abc import Iterator

from gateway.settings.broker import TokenService
from gateway.settings.document import Settings
from gateway.settings.groups import AccountSettings, GroupSettings
from gateway.settings.surroundings import Store
from runtime.listening import is_loopback
from runtime.urls import host_of

SCHEME = re.compile(r"^(dns|ipv4|ipv6):(//[^/]*/)?")
"""What may stand before the addresses of a gRPC target."""


def summary(settings: Settings) -> Iterator[str]:
    """What would run."""
    listen = settings.listen
    yield f"callers:       {listen.host}:{listen.port}"
    yield f"operators:     {listen.host}:{listen.ops_port}"
    yield f"token_service: {settings.token_service.target}{_security(settings.token_service)}"
    yield f"store:         {_store(settings.store)}"
    yield f"way out:       {settings.egress.proxy_url or 'direct'}"
    if settings.auth.jwt is not None:
        yield f"tokens of:     {settings.auth.jwt.issuer}, for {settings.auth.jwt.audience}"
    yield f"usage ledger:  {settings.usage.shown_url}, journal in {settings.usage.journal_dir}"
    for group in settings.groups:
        keys = sum(1 for key in settings.keys if key.group == group.id)
        yield f"group {group.id}: {_group(group)}, {keys} key(s)"


def _security(section: TokenService) -> str:
    words = []
    if section.tls.wanted:
        words.append("TLS with a client certificate" if section.tls.cert_file else "TLS")
    if section.token_file is not None:
        words.append("a bearer token")
    return f", with {' and '.join(words)}" if words else ""


def _store(section: Store) -> str:
    if not section.is_shared:
        return "this process's memory"
    password = ", with a password" if section.password_file is not None else ""
    return f"{section.url}, namespace {section.namespace}{password}"


def _group(group: GroupSettings) -> str:
    accounts = ", ".join(_account(each) for each in group.accounts)
    fallback = f", then group {group.fallback_group}" if group.fallback_group else ""
    return f"platform {group.platform}, accounts {accounts}{fallback}"


def _account(account: AccountSettings) -> str:
    return account.id if account.base_url is None else f"{account.id} at {account.base_url}"


def warnings(settings: Settings) -> tuple[str, ...]:
    """What an operator should know although it is no error."""
    found = []
    if not settings.keys and settings.auth.jwt is None:
        found.append("keys: none are here, so only those in the database count; see `keys new`")
    found += _about_groups(settings)
    found += _about_budgets(settings)
    found += _about_token_service(settings.token_service)
    found += _about_store(settings.store)
    if not is_loopback(settings.listen.host):
        found.append("listen: callers reach this in plaintext; end TLS in front of it")
    return tuple(found)


def _about_groups(settings: Settings) -> Iterator[str]:
    """Choices that look as if they did something."""
    for group in settings.groups:
        is_alone = len(group.accounts) == 1 and group.fallback_group is None
        if group.failover.on_quota == "move" and is_alone:
            yield f"groups[{group.id}].failover.on_quota: there is no other account to move to"
    for key in settings.keys:
        if "max_waiting" in key.model_fields_set and key.max_concurrency is None:
            yield f"keys[{key.id}].max_waiting: has no effect without max_concurrency"


def _about_budgets(settings: Settings) -> Iterator[str]:
    """Budgets that limit less than it looks."""
    budgets = [(f"groups[{group.id}].budget", group.budget) for group in settings.groups]
    budgets += [(f"keys[{key.id}].budget", key.budget) for key in settings.keys]
    for where, budget in budgets:
        if budget is None:
            continue
        if (budget.requests, budget.tokens, budget.credits) == (None, None, None):
            yield f"{where}: has no effect without requests, tokens or credits"
        elif budget.shadow and budget.when_unknown == "refuse":
            yield f"{where}.when_unknown: has no effect on a budget in shadow"


def _about_token_service(section: TokenService) -> Iterator[str]:
    if section.tls.wanted or _stays_here(section.target):
        return
    what = "this gateway's own token and " if section.token_file is not None else ""
    yield f"token_service: {what}Copilot tokens cross the network in plaintext; set tls"


def _about_store(section: Store) -> Iterator[str]:
    is_plain = section.url.lower().startswith(("valkey:", "redis:"))
    if is_plain and section.password_file is not None and not is_loopback(host_of(section.url)):
        yield "store: its password crosses the network in plaintext; use valkeys:// or rediss://"
    if section.ca_file is not None and (is_plain or not section.is_shared):
        yield "store.ca_file: has no effect without valkeys:// or rediss://"


def _stays_here(target: str) -> bool:
    """Whether a gRPC target leads to this machine only."""
    if target.startswith("unix"):
        return True
    addresses = SCHEME.sub("", target).split(",")
    return all(is_loopback(address.rpartition(":")[0].strip("[]")) for address in addresses)
