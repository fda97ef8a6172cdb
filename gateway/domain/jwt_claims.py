"""From the claims of a verified token to what its holder may do here: a key of the moment.

Pure. Rules say which claims lead to which group, limits and account; the first that fits counts.
A token that is believed and leads nowhere is refused as a matter of policy, not of identity.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from fnmatch import translate
from typing import Any

from gateway.domain.api_keys import ApiKey
from gateway.domain.errors import Fault, GatewayError

ID_PREFIX = "jwt:"
"""No key of the configuration has a colon in its id."""
MOST_PERSON_CHARACTERS = 100
_MARK_CHARACTERS = 12
_NO_NAME = re.compile(r"[^A-Za-z0-9._@:/+~-]")
_UNSAFE = re.compile(r"[^A-Za-z0-9._@:/+-]")


class Refusal(Enum):
    """Why a token that is believed leads nowhere."""

    NO_PERSON = "no_person"
    NO_GROUP = "no_group"
    NO_ACCOUNT = "no_account"


WORDS: dict[Refusal, str] = {
    Refusal.NO_PERSON: "it does not say whose it is: the claim for the person is missing or empty",
    Refusal.NO_GROUP: "no rule gives its holder a group here; ask whoever runs this gateway",
    Refusal.NO_ACCOUNT: "it binds its holder to an account that the holder's group does not have",
}


def refused(refusal: Refusal) -> GatewayError:
    """The error of a token that leads nowhere."""
    return GatewayError(
        Fault.POLICY_TOKEN, f"The token is valid, but may not be used: {WORDS[refusal]}."
    )


@dataclass(frozen=True, slots=True)
class ClaimNames:
    """Where in a token to look; dots lead into objects. None: nowhere."""

    person: str = "sub"
    group: str | None = None
    """A claim that names a group of the configuration itself."""
    account: str | None = None
    """A claim that names the only account its holder may use."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Whoever has a claim with such a value gets this."""

    claim: str
    matches: str
    """A shell pattern; letter case counts. Of a list, one value has to fit."""
    grant: ApiKey
    """What a holder may do; whose it is comes from the token."""
    _pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile the pattern: it is matched for every request."""
        object.__setattr__(self, "_pattern", re.compile(translate(self.matches)))

    def fits(self, claims: Mapping[str, Any]) -> bool:
        """Whether the token has it."""
        return any(self._pattern.match(text) for text in _texts(claim(claims, self.claim)))


@dataclass(frozen=True, slots=True)
class CallerRules:
    """What tokens lead to. Without any rule nobody gets in."""

    issuer: str = ""
    names: ClaimNames = ClaimNames()
    rules: Sequence[Rule] = ()
    default: ApiKey | None = None
    """What those get whom no rule fits; None refuses them."""
    accounts: Mapping[str, frozenset[str]] = field(default_factory=dict, compare=False)
    """The groups of the configuration, and the ids of their accounts."""


def caller(claims: Mapping[str, Any], rules: CallerRules) -> ApiKey:
    """The key of the moment. claims: of a token that was verified.

    Raises GatewayError (POLICY_TOKEN).
    """
    person = next(_texts(claim(claims, rules.names.person)), "").strip()
    if not person:
        raise refused(Refusal.NO_PERSON)
    grant = _bound(_grant(claims, rules), claims, rules)
    name = safe(person)
    return replace(
        grant,
        id=ID_PREFIX + name,
        person=name,
        sha256=_digest(rules.issuer, person),
        expires_at=_expiry(claims),
    )


def _grant(claims: Mapping[str, Any], rules: CallerRules) -> ApiKey:
    for rule in rules.rules:
        if rule.fits(claims):
            return rule.grant
    if rules.names.group is not None:
        for name in _texts(claim(claims, rules.names.group)):
            if name in rules.accounts:
                return plain_grant(name)
    if rules.default is None:
        raise refused(Refusal.NO_GROUP)
    return rules.default


def _bound(grant: ApiKey, claims: Mapping[str, Any], rules: CallerRules) -> ApiKey:
    """With the account that the token names, unless the rule has named one."""
    if grant.account is not None or rules.names.account is None:
        return grant
    value = claim(claims, rules.names.account)
    if value is None:
        return grant
    # Whatever else stands there is meant as a bound, and must not become none.
    if not isinstance(value, str) or value not in rules.accounts.get(grant.group, ()):
        raise refused(Refusal.NO_ACCOUNT)
    return replace(grant, account=value)


PLAIN_MAX_WAITING = 20
"""As in the setting `keys[].max_waiting`; without a limit of places nobody waits."""


def plain_grant(group: str) -> ApiKey:
    """What a group gives without further limits."""
    return ApiKey("", group, None, None, may_mark_agent=False, max_waiting=PLAIN_MAX_WAITING)


def is_token_caller(key_id: str) -> bool:
    """Whether the id of a usage record can be one that `caller` gives."""
    name = key_id.removeprefix(ID_PREFIX)
    return name != key_id and 0 < len(name) <= MOST_PERSON_CHARACTERS and not _NO_NAME.search(name)


def groups_open_to(rules: CallerRules) -> frozenset[str]:
    """The groups that holders of tokens may be in: nobody knows how many holders there are."""
    if rules.names.group is not None:
        return frozenset(rules.accounts)
    grants = [rule.grant for rule in rules.rules]
    grants += [rules.default] if rules.default is not None else []
    return frozenset(grant.group for grant in grants)


# --- claims -----------------------------------------------------------------------------------


def claim(claims: Mapping[str, Any], path: str) -> Any:
    """A claim's value; None where there is none.

    Names hold dots themselves (`kubernetes.io`, `https://idp.example/groups`), so of the names that
    the path may begin with the longest counts that leads somewhere.
    """
    if path in claims:
        return claims[path]
    end = path.rfind(".")
    while end > 0:
        inner = claims.get(path[:end])
        found = claim(inner, path[end + 1 :]) if isinstance(inner, Mapping) else None
        if found is not None:
            return found
        end = path.rfind(".", 0, end)
    return None


def safe(person: str) -> str:
    """A person as logs, metrics and the store may call them: 100 safe characters at most.

    Where that changes anything, a digest keeps two people apart; it is set off by a character
    that is not safe, so that nobody is called like somebody else.
    """
    name = _UNSAFE.sub("_", person)
    if name == person and len(name) <= MOST_PERSON_CHARACTERS:
        return name
    mark = hashlib.sha256(_bytes(person)).hexdigest()[:_MARK_CHARACTERS]
    return f"{name[: MOST_PERSON_CHARACTERS - _MARK_CHARACTERS - 1]}~{mark}"


def _texts(value: Any) -> Iterator[str]:
    """A claim is a text or a list of texts; whatever else stands there says nothing."""
    for each in value if isinstance(value, list) else (value,):
        if isinstance(each, str):
            yield each


def _digest(issuer: str, person: str) -> str:
    """The same for a person as long as the issuer is: limits and conversations are known by it."""
    # No issuer has a line feed in it.
    return hashlib.sha256(b"jwt\n" + _bytes(issuer) + b"\n" + _bytes(person)).hexdigest()


def _bytes(text: str) -> bytes:
    # JSON may hold halves of surrogate pairs.
    return text.encode(errors="surrogatepass")


def _expiry(claims: Mapping[str, Any]) -> float | None:
    value = claims.get("exp")
    return float(value) if isinstance(value, (int, float)) else None
