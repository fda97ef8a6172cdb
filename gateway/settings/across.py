"""What the sections of gateway.yaml have to do with each other, as a list of rules.

Looks at the document as it was written, before its values are converted: so a mistake in one
value hides none of these, and `--check` names all of them at once. What is not of the expected
shape is passed over here, since the value's own check names it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from gateway.domain.platforms.table import PLATFORMS
from gateway.settings.values import check_host
from gateway.settings.written import (
    Entry,
    Placed,
    Written,
    accounts_of,
    entries_of,
    platform_of,
    written,
)
from runtime.document_rules import Problem
from runtime.listening import is_loopback
from runtime.urls import host_of

OF_THE_ACCOUNT = ("base_url", "api_key_file", "max_concurrency")
"""What belongs to an account itself, whichever group uses it."""


def problems(document: Entry) -> Iterator[Problem]:
    """All of them, in the order of the rules."""
    found = written(document)
    for rule in RULES:
        yield from rule(found)


# --- rules ------------------------------------------------------------------------------------


def _ids_are_unique(written: Written) -> Iterator[Problem]:
    yield from _repeated(written.groups, "id", "another group has this id already")
    for group in written.groups:
        text = "the group has this account already"
        yield from _repeated(accounts_of(group), "id", text)
    yield from _repeated(written.keys, "id", "another key has this id already")
    yield from _repeated(written.keys, "sha256", "another key has the same one")


def _accounts_suit_their_platform(written: Written) -> Iterator[Problem]:
    for group in written.groups:
        platform = PLATFORMS.get(str(platform_of(group)))
        if platform is None:
            continue
        for account in accounts_of(group):
            for name in ("base_url", "api_key_file"):
                is_set = account.entry.get(name) is not None
                if platform.own_key and not is_set:
                    yield account.problem(name, f"required for the platform {platform.name}")
                if not platform.own_key and is_set:
                    yield account.problem(
                        name,
                        f"only for platforms whose accounts have a key of their own; the address "
                        f"and the token of a {platform.name} account come from token_service",
                    )


def _api_keys_are_not_shown(written: Written) -> Iterator[Problem]:
    for group in written.groups:
        for account in accounts_of(group):
            url = account.text("base_url") or ""
            if url.lower().startswith("http:") and not _may_be_plain(url, written):
                yield account.problem(
                    "base_url",
                    "must be https: plain http would show the API key, except on loopback and "
                    "to hosts named in egress.private_hosts",
                )


def _an_account_is_the_same_everywhere(written: Written) -> Iterator[Problem]:
    """Its places and its cool-downs are counted under its id, over all groups."""
    first: dict[str, tuple[Placed, Placed]] = {}
    for group in written.groups:
        for account in accounts_of(group):
            id_ = account.text("id")
            if id_ is None:
                continue
            owner, same = first.setdefault(id_, (group, account))
            yield from _differences(group, account, owner, same)


def _differences(group: Placed, account: Placed, owner: Placed, same: Placed) -> Iterator[Problem]:
    other = owner.text("id") or "before it"
    if platform_of(group) != platform_of(owner):
        yield account.problem("id", f"group '{other}' has it as an account of another platform")
        return
    for name in OF_THE_ACCOUNT:
        if account.entry.get(name) != same.entry.get(name):
            yield account.problem(name, f"differs from the same account's in group '{other}'")


def _fallbacks_lead_one_step(written: Written) -> Iterator[Problem]:
    groups = written.by_id
    for group in written.groups:
        target = group.text("fallback_group")
        if target is None:
            continue
        if target == group.text("id"):
            yield group.problem("fallback_group", "must be another group")
        elif target not in groups:
            yield group.problem("fallback_group", "there is no such group")
        elif groups[target].entry.get("fallback_group") is not None:
            yield group.problem(
                "fallback_group", "has a fallback_group itself; only one step is taken"
            )


def _keys_fit_their_groups(written: Written) -> Iterator[Problem]:
    for key in written.keys:
        yield from _unfit(key, written.by_id, "the key's group has no such account")


def _tokens_lead_to_groups(written: Written) -> Iterator[Problem]:
    groups = written.by_id
    for rule in entries_of(written.jwt.entry.get("rules"), (*written.jwt.where, "rules")):
        yield from _unfit(rule, groups, "the rule's group has no such account")
    default = written.jwt.text("default_group")
    if default is not None and default not in groups:
        yield written.jwt.problem("default_group", "there is no such group")


def _unfit(holder: Placed, groups: Mapping[str, Placed], text: str) -> Iterator[Problem]:
    """What a group and an account of its own have to do with the groups there are."""
    name, account = holder.text("group"), holder.text("account")
    if name is None:
        return
    if name not in groups:
        yield holder.problem("group", "there is no such group")
    elif account is not None and account not in {
        each.text("id") for each in accounts_of(groups[name])
    }:
        yield holder.problem("account", text)


def _workers_share(written: Written) -> Iterator[Problem]:
    """Limits, budgets and the ledger are of all workers together."""
    if written.workers <= 1:
        return
    where = ("listen", "workers")
    if written.store_url.startswith("memory:"):
        yield Problem(where, "more than one needs a shared store: set store.url")
    if written.database_url.startswith("sqlite:"):
        yield Problem(
            where, "more than one needs PostgreSQL: set usage.database_url to postgresql://…"
        )


RULES: tuple[Callable[[Written], Iterator[Problem]], ...] = (
    _ids_are_unique,
    _accounts_suit_their_platform,
    _api_keys_are_not_shown,
    _an_account_is_the_same_everywhere,
    _fallbacks_lead_one_step,
    _keys_fit_their_groups,
    _tokens_lead_to_groups,
    _workers_share,
)


# --- parts ------------------------------------------------------------------------------------


def _repeated(entries: Sequence[Placed], name: str, text: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for each in entries:
        value = each.text(name)
        if value in seen:
            yield each.problem(name, text)
        if value is not None:
            seen.add(value)


def _may_be_plain(url: str, written: Written) -> bool:
    try:
        host = check_host(host_of(url))
    except ValueError:
        return True
    return is_loopback(host) or host in written.private_hosts
