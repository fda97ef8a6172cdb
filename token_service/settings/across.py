"""What the settings of token-service.yaml have to do with each other, as a list of rules.

Looks at the document as it was written, before its values are converted: so a mistake in one
value hides none of these, and `--check` names all of them at once. What follows only from such a
mistake is not told. The rules about callers are in across_callers.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from runtime.document_rules import Problem
from runtime.urls import MEMORY, STORE_SCHEMES, host_of
from token_service.domain.errors import HostNotAllowed
from token_service.domain.hosts import Site, check_api_url, tenant_of
from token_service.settings import across_callers
from token_service.settings.accounts import AccountSettings
from token_service.settings.store import Store
from token_service.settings.surroundings import GitHub
from token_service.settings.written import UNKNOWN, Placed

APP = "github_app"


def problems(document: Mapping[str, Any]) -> Iterator[Problem]:
    """All of them, in the order of the rules."""
    written = Placed((), document)
    for rule in RULES:
        yield from rule(written)


# --- the store --------------------------------------------------------------------------------


def _what_is_shared_is_sealed(written: Placed) -> Iterator[Problem]:
    store = written.section("store")
    is_open = store.read(Store, "allow_plaintext") is False
    if _is_shared(store) and is_open and store.lacks("encryption_key_file"):
        yield store.problem(
            "required with a shared store, so that nobody who reads the store can use the "
            "tokens (or set store.allow_plaintext)",
            "encryption_key_file",
        )


def _the_lock_outlasts_an_exchange(written: Placed) -> Iterator[Problem]:
    """A lock that ends before the exchange does lets a second replica begin one."""
    store, github = written.section("store"), written.section("github")
    lock = store.read(Store, "lock_ttl_seconds")
    exchange = github.read(GitHub, "timeout_seconds")
    if UNKNOWN not in (lock, exchange) and _is_shared(store) and lock <= exchange:
        yield github.problem(
            "must be shorter than store.lock_ttl_seconds, or two replicas exchange at a time",
            "timeout_seconds",
        )


def _is_shared(store: Placed) -> bool:
    """As far as can be told: a bad URL of a shared store still says which kind it is."""
    url = store.read(Store, "url")
    if url is UNKNOWN:
        return str(store.get("url")).partition(":")[0].lower() in STORE_SCHEMES
    return bool(url != MEMORY)


# --- TLS --------------------------------------------------------------------------------------


def _certificate_and_key_go_together(written: Placed) -> Iterator[Problem]:
    tls = written.section("listen").section("tls")
    if tls.has("cert_file") != tls.has("key_file"):
        yield tls.problem("cert_file and key_file belong together: set both or neither", "key_file")
    elif tls.has("client_ca_file") and tls.lacks("cert_file"):
        text = "callers' certificates are part of TLS: set cert_file and key_file"
        yield tls.problem(text, "client_ca_file")


# --- accounts ---------------------------------------------------------------------------------


def _ids_of_accounts_are_unique(written: Placed) -> Iterator[Problem]:
    seen: set[str] = set()
    for account in written.entries("accounts") or ():
        id_ = account.get("id")
        if not isinstance(id_, str):
            continue
        if id_ in seen:
            yield account.problem("another account has this id already", "id")
        seen.add(id_)


def _accounts_have_one_credential(written: Placed) -> Iterator[Problem]:
    for account in written.entries("accounts") or ():
        strategy = account.read(AccountSettings, "strategy")
        if strategy == APP:
            yield from _unfit_for_an_app(account)
        elif account.is_known:
            yield from _unfit_for_a_token(account, strategy)


def _unfit_for_an_app(account: Placed) -> Iterator[Problem]:
    if account.lacks(APP):
        yield account.problem("required: the App that the strategy github_app is about", APP)
    if account.has("github_token") or account.has("github_token_file"):
        text = "the strategy github_app takes its App's key and no GitHub token"
        yield account.problem(text, "github_token_file")


def _unfit_for_a_token(account: Placed, strategy: Any) -> Iterator[Problem]:
    given = [name for name in ("github_token", "github_token_file") if account.has(name)]
    if len(given) > 1:
        text = "github_token is set too; give one of the two"
        yield account.problem(text, "github_token_file")
    if strategy is UNKNOWN:
        return
    if account.has(APP):
        text = "only the strategy github_app takes an App; set that strategy"
        yield account.problem(text, APP)
    elif not given:
        text = "required: the file with the account's credential (or github_token)"
        yield account.problem(text, "github_token_file")


def _overrides_are_allowed(written: Placed) -> Iterator[Problem]:
    """Beside hosts that cannot be read; beside good ones the field judges itself."""
    for account in written.entries("accounts") or ():
        url = account.get("base_url")
        if not isinstance(url, str):
            continue
        is_judged = account.read(AccountSettings, "allowed_hosts") is not UNKNOWN
        github_host = account.read(AccountSettings, "github_host")
        if is_judged or github_host is UNKNOWN or _names(account.get("allowed_hosts"), url):
            continue
        try:
            check_api_url(url, Site("", tenant_of(github_host)))
        except ValueError:
            # The host's own check says so.
            continue
        except HostNotAllowed as error:
            yield account.problem(error.message, "base_url")


def _names(hosts: object, url: str) -> bool:
    """Whether one of them, good or bad, may have been written for this URL."""
    try:
        host = host_of(url)
    except ValueError:
        return False
    return host != "" and host in str(hosts).lower()


RULES: tuple[Callable[[Placed], Iterator[Problem]], ...] = (
    _what_is_shared_is_sealed,
    _the_lock_outlasts_an_exchange,
    _certificate_and_key_go_together,
    _ids_of_accounts_are_unique,
    _accounts_have_one_credential,
    _overrides_are_allowed,
    *across_callers.RULES,
)
