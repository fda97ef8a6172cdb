"""Tokens that need no exchange: the GitHub credential itself, or a Copilot token given as such.

Values in, values out; what is read again, and when, follows from the life stated here.
"""

from token_service.domain import token_string
from token_service.domain.credentials import Strategy
from token_service.domain.errors import CredentialRejected
from token_service.domain.freshness import LONGEST_LIFE_SECONDS
from token_service.domain.hosts import Site, api_base_url
from token_service.domain.identity import ClientIdentity, direct_headers, editor_headers
from token_service.domain.tokens import Grant

# Nothing says when these end. An hour is how long a replaced credential file may go unnoticed.
NOMINAL_LIFE_SECONDS = 3600.0


def direct(credential: str, site: Site, identity: ClientIdentity, wall: float) -> Grant:
    """The credential, as upstream takes it itself (copilot-upstream.md §2.5).

    Raises HostNotAllowed.
    """
    return Grant(
        value=credential,
        strategy=Strategy.DIRECT,
        api_base_url=api_base_url(site, None, None),
        headers=direct_headers(identity),
        life=NOMINAL_LIFE_SECONDS,
        refresh_in=None,
        expires_at=wall + NOMINAL_LIFE_SECONDS,
    )


def static(token: str, site: Site, identity: ClientIdentity, wall: float) -> Grant:
    """A Copilot token somebody else obtained; it lives until its `exp`, if it has one (§3.3).

    wall: seconds since the epoch; here two clocks have to agree, for want of a Date. Raises
    CredentialRejected when its time is over, HostNotAllowed.
    """
    parsed = token_string.fields(token)
    expires_at = token_string.expiry(token)
    life = NOMINAL_LIFE_SECONDS if expires_at is None else expires_at - wall
    if life <= 0:
        raise CredentialRejected("the account's static Copilot token has expired; replace it")
    life = min(life, LONGEST_LIFE_SECONDS)
    return Grant(
        value=token,
        strategy=Strategy.STATIC,
        api_base_url=api_base_url(site, None, parsed.get("proxy-ep")),
        headers=editor_headers(identity),
        life=life,
        refresh_in=None,
        expires_at=wall + life,
        sku=parsed.get("sku", ""),
    )
