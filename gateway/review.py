"""What an operator should know about settings that are valid: said at every start and by --check.

Reads settings and returns lines of text; holds no secret, since the settings hold none.
"""

import re
from collections.abc import Iterator

from gateway.settings import Rate, Settings, TokenService
from runtime.configuration import Section
from runtime.listening import is_loopback

SCHEME = re.compile(r"^(dns|ipv4|ipv6):(//[^/]*/)?")
"""What may stand before the addresses of a gRPC target."""


def summary(settings: Settings) -> Iterator[str]:
    """What would run."""
    listen = settings.listen
    yield f"callers:       {listen.host}:{listen.port}"
    yield f"operators:     {listen.host}:{listen.ops_port}"
    yield f"token_service: {settings.token_service.target}{_security(settings.token_service)}"
    for group in settings.groups:
        accounts = ", ".join(account.id for account in group.accounts)
        keys = sum(1 for key in settings.keys if key.group == group.id)
        yield f"group {group.id}: platform {group.platform}, accounts {accounts}, {keys} key(s)"


def _security(section: TokenService) -> str:
    words = []
    if section.tls.wanted:
        words.append("TLS with a client certificate" if section.tls.cert_file else "TLS")
    if section.token_file is not None:
        words.append("a bearer token")
    return f", with {' and '.join(words)}" if words else ""


def not_enforced(settings: Settings) -> Iterator[str]:
    """Settings that are there, are part of the format, and that this version does not act on.

    A limit that does not limit must not be a surprise.
    """
    for group in settings.groups:
        yield from _set_ones(f"groups[{group.id}]", group, ("fallback_group", "budget"))
        if group.models.aliases:
            yield f"groups[{group.id}].models.aliases"
        if len(group.accounts) > 1:
            yield f"groups[{group.id}].accounts beyond the first by priority"
        for account in group.accounts:
            where = f"groups[{group.id}].accounts[{account.id}]"
            yield from _set_ones(where, account, ("max_concurrency",))
    for key in settings.keys:
        yield from _set_ones(f"keys[{key.id}]", key, ("max_concurrency", "budget"))
        if key.rate != Rate():
            yield f"keys[{key.id}].rate"
    yield from (name for name in ("usage", "slots") if name in settings.model_fields_set)


def _set_ones(where: str, section: Section, names: tuple[str, ...]) -> Iterator[str]:
    return (f"{where}.{name}" for name in names if getattr(section, name) is not None)


def warnings(settings: Settings) -> tuple[str, ...]:
    """What an operator should know although it is no error."""
    found = [f"{path}: not enforced by this version" for path in not_enforced(settings)]
    if not settings.keys:
        found.append("keys: there are none, so every request is refused; see `keys new`")
    found += _about_token_service(settings.token_service)
    if not is_loopback(settings.listen.host):
        found.append("listen: callers reach this in plaintext; end TLS in front of it")
    return tuple(found)


def _about_token_service(section: TokenService) -> Iterator[str]:
    if section.tls.wanted or _stays_here(section.target):
        return
    what = "this gateway's own token and " if section.token_file is not None else ""
    yield f"token_service: {what}Copilot tokens cross the network in plaintext; set tls"


def _stays_here(target: str) -> bool:
    """Whether a gRPC target leads to this machine only."""
    if target.startswith("unix"):
        return True
    addresses = SCHEME.sub("", target).split(",")
    return all(is_loopback(address.rpartition(":")[0].strip("[]")) for address in addresses)
