"""What the section `auth` has to do within itself, with the listener and with the accounts.

Rules over the document as it was written, as those in across. Names and identities are compared
here and never quoted: what was not judged may be a secret by mistake.
"""

from collections.abc import Callable, Iterator
from typing import Any

from pydantic import TypeAdapter, ValidationError

from runtime.document_rules import Problem
from runtime.listening import is_loopback, parse_address
from token_service.domain.callers import EVERY_ACCOUNT, IdentityKind
from token_service.settings.callers import KINDS, Account, Auth
from token_service.settings.listener import Listen
from token_service.settings.written import UNKNOWN, Placed

NEEDS_TLS = (
    "off loopback tokens must not cross the network in clear: set listen.tls.cert_file and "
    "listen.tls.key_file, or listen.allow_plaintext if something else encrypts the connections"
)
NEEDS_CALLERS = (
    "off loopback callers must be authenticated, and nothing lifts that: set auth.mode to "
    "tokens, mtls or kubernetes, or listen on 127.0.0.1"
)
IN_CLEAR = (
    "the account's GitHub credential would cross the network in clear (strategy direct): "
    "set listen.tls"
)
_ACCOUNT: TypeAdapter[str] = TypeAdapter(Account)


# --- the listener -----------------------------------------------------------------------------


def _strangers_stay_on_loopback(written: Placed) -> Iterator[Problem]:
    auth = written.section("auth")
    if _mode(auth) == "none" and _is_reached_from_afar(written.section("listen")):
        yield auth.problem(NEEDS_CALLERS)


def _tokens_do_not_cross_a_network_in_clear(written: Placed) -> Iterator[Problem]:
    listen = written.section("listen")
    if _is_read_by_others(listen) and listen.read(Listen, "allow_plaintext") is False:
        yield written.section("auth").problem(NEEDS_TLS)


def _github_credentials_never_do(written: Placed) -> Iterator[Problem]:
    if not _is_read_by_others(written.section("listen")):
        return
    accounts = written.entries("accounts") or ()
    direct = {str(each.get("id")) for each in accounts if each.get("strategy") == "direct"}
    for caller, position, name in _accounts_named(written):
        if name in direct:
            yield caller.problem(IN_CLEAR, "accounts", position)


def _certificates_have_their_authorities(written: Placed) -> Iterator[Problem]:
    auth, tls = written.section("auth"), written.section("listen").section("tls")
    if _mode(auth) == "mtls" and tls.lacks("client_ca_file"):
        yield auth.problem(
            "mode mtls needs listen.tls.client_ca_file: who issues the callers' certificates"
        )


# --- within the section -----------------------------------------------------------------------


def _service_accounts_have_their_issuer(written: Placed) -> Iterator[Problem]:
    auth = written.section("auth")
    if _mode(auth) != "kubernetes":
        return
    if auth.lacks("issuer"):
        text = "required with mode kubernetes: the issuer of the callers' tokens"
        yield auth.problem(text, "issuer")
    if auth.has("jwks_url") == auth.has("jwks_file"):
        text = "mode kubernetes takes the issuer's keys from jwks_url or jwks_file"
        yield auth.problem(text, "jwks_file")


def _only_service_accounts_are_reviewed(written: Placed) -> Iterator[Problem]:
    auth = written.section("auth")
    if auth.has("token_review_url") and _mode(auth) not in ("kubernetes", UNKNOWN):
        yield auth.problem("only mode kubernetes reviews tokens", "token_review_url")


def _there_are_callers_where_they_are_known(written: Placed) -> Iterator[Problem]:
    auth = written.section("auth")
    mode, callers = _mode(auth), auth.entries("callers")
    if callers is None or mode is UNKNOWN:
        return
    if callers and mode == "none":
        yield auth.problem("mode none tells no callers apart; set auth.mode", "callers")
    if not callers and mode != "none":
        yield auth.problem(f"mode {mode} needs at least one caller", "callers")


def _callers_have_one_identity(written: Placed) -> Iterator[Problem]:
    mode = _mode(written.section("auth"))
    if mode == "none":
        return
    # Of a mode that cannot be read only the number can be judged.
    kinds = frozenset(IdentityKind) if mode is UNKNOWN else KINDS[mode]
    fitting = "" if mode is UNKNOWN else f", {' or '.join(sorted(kinds))}, with mode {mode}"
    for caller in _callers(written):
        given = {kind for kind in IdentityKind if caller.has(kind)}
        if len(given) != 1 or not given <= kinds:
            yield caller.problem(f"must have exactly one identity{fitting}")


def _callers_are_told_apart(written: Placed) -> Iterator[Problem]:
    seen: set[tuple[str, str]] = set()
    for caller in _callers(written):
        for name in ("id", *IdentityKind):
            value = caller.get(name)
            if not isinstance(value, str):
                continue
            if (name, value) in seen:
                text = "has this id already" if name == "id" else "is known by the same one"
                yield caller.problem(f"another caller {text}", str(name))
            seen.add((name, value))


def _callers_name_accounts(written: Placed) -> Iterator[Problem]:
    accounts = written.entries("accounts")
    # A missing id may be the one that is named.
    if not accounts or any(each.get("id") is None for each in accounts):
        return
    known = {str(each.get("id")) for each in accounts} | {EVERY_ACCOUNT}
    for caller, position, name in _accounts_named(written):
        if name not in known:
            yield caller.problem("there is no such account", "accounts", position)


RULES: tuple[Callable[[Placed], Iterator[Problem]], ...] = (
    _strangers_stay_on_loopback,
    _tokens_do_not_cross_a_network_in_clear,
    _github_credentials_never_do,
    _certificates_have_their_authorities,
    _service_accounts_have_their_issuer,
    _only_service_accounts_are_reviewed,
    _there_are_callers_where_they_are_known,
    _callers_have_one_identity,
    _callers_are_told_apart,
    _callers_name_accounts,
)


# --- parts ------------------------------------------------------------------------------------


def _mode(auth: Placed) -> Any:
    return auth.read(Auth, "mode")


def _is_reached_from_afar(listen: Placed) -> bool:
    """Whether others than this machine certainly reach the RPC."""
    address = listen.read(Listen, "grpc")
    return address is not UNKNOWN and not is_loopback(parse_address(address).host)


def _is_read_by_others(listen: Placed) -> bool:
    """Whether it is certainly said in clear there; half of a pair wants TLS too."""
    tls = listen.section("tls")
    is_plain = tls.lacks("cert_file") and tls.lacks("key_file")
    return is_plain and _is_reached_from_afar(listen)


def _callers(written: Placed) -> tuple[Placed, ...]:
    found = written.section("auth").entries("callers") or ()
    return tuple(each for each in found if each.is_known)


def _accounts_named(written: Placed) -> Iterator[tuple[Placed, int, str]]:
    """Each name that can be one, with its caller and its position there."""
    for caller in _callers(written):
        names = caller.get("accounts")
        # YAML has sets too, and the field takes them.
        for position, name in enumerate(names if isinstance(names, (list, tuple, set)) else ()):
            try:
                yield caller, position, _ACCOUNT.validate_python(name)
            except ValidationError:
                continue
