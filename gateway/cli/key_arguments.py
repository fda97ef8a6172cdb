"""The arguments of `python -m gateway keys`, and what they come to."""

import argparse
import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from gateway.cli.key_listing import FORMS
from gateway.cli.keys import KeyProblem, Operator
from gateway.domain.api_keys import Rate
from gateway.domain.budgets.budget import Budget
from gateway.domain.budgets.period import Period
from gateway.domain.groups import Group
from gateway.domain.jwt_claims import is_token_caller
from gateway.domain.stored_keys import MAX_OWNER_CHARACTERS, USUAL_MAX_WAITING, StoredKey
from gateway.domain.usage.credits import NANO_AIU_PER_CREDIT, nano_aiu_of

MOST = 2**53
MOST_WAITING = 10_000
DAY_SECONDS = 86_400.0
LONGEST_KEEP_SECONDS = 30 * DAY_SECONDS
EXPIRES = "--expires: must be a number of days such as 90d, or a time such as 2027-01-31T00:00:00Z"

Identifier = Callable[[str], str]


def add_arguments(
    parser: argparse.ArgumentParser,
    identifier: Identifier,
    add_config: Callable[[argparse.ArgumentParser], None],
) -> None:
    """Those of `keys`. identifier: what an id is, as an argument's type. add_config: adds
    `--config`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    new = actions.add_parser("new", help="make a key; shown once")
    _add_rights(new, identifier)
    _add_limits(new)
    rotate = actions.add_parser("rotate", help="another key under the same id; shown once")
    rotate.add_argument(
        "--keep-old-for",
        type=_number(0, int(LONGEST_KEEP_SECONDS)),
        default=0,
        metavar="SECONDS",
        help="how long the one before still works; default: it is revoked",
    )
    rotate.add_argument("--expires", metavar="TIME", help="as for new; default: as before")
    revoke = actions.add_parser("revoke", help="take back the keys of an id, for good")
    forget = actions.add_parser("forget", help="revoke, and erase who it was")
    listing = actions.add_parser("list", help="say what keys there are, and none of them")
    listing.add_argument("--format", default="table", choices=tuple(FORMS))
    for each in (new, rotate, revoke, forget):
        text = "what the key is called in logs and reports"
        kind = _or_token_caller(identifier) if each is forget else identifier
        each.add_argument("--id", required=True, type=kind, help=text)
    for each in (new, rotate, revoke, forget, listing):
        add_config(each)


def wanted_key(
    options: argparse.Namespace, groups: Mapping[str, Group], who: Operator
) -> StoredKey:
    """The key that `new` asks for, without its digest. Raises KeyProblem."""
    group = _group(options.group, groups)
    rate = Rate(options.requests_per_minute, options.tokens_per_minute)
    return StoredKey(
        sha256="",
        id=options.id,
        group_id=group.id,
        created_at=who.now,
        created_by=who.name,
        account_id=_account(options.account, group),
        owner=options.owner,
        expires_at=expiry(options.expires, who.now),
        max_concurrency=options.max_concurrency,
        max_waiting=options.max_waiting,
        may_mark_agent=options.may_mark_agent,
        rate=rate if rate.limits_anything else None,
        budget=_budget(options),
    )


def expiry(text: str | None, now: float) -> float | None:
    """Seconds since the epoch. Raises KeyProblem for what is no time to come."""
    if text is None:
        return None
    days = re.fullmatch(r"(\d{1,5})d", text)
    try:
        end = now + int(days[1]) * DAY_SECONDS if days else _moment(text)
    except (ValueError, OverflowError):
        raise KeyProblem(EXPIRES) from None
    if end <= now:
        raise KeyProblem("--expires: must be later than now")
    return end


# --- parts ------------------------------------------------------------------------------------


def _moment(text: str) -> float:
    """A day is its first moment in UTC; a time needs a zone."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None and len(text) == len("2027-01-31"):
        found = found.replace(tzinfo=UTC)
    if found.tzinfo is None:
        raise ValueError
    return found.timestamp()


def _group(name: str | None, groups: Mapping[str, Group]) -> Group:
    if name is None and len(groups) == 1:
        return next(iter(groups.values()))
    if name is None:
        raise KeyProblem(f"say with --group which of these: {_names(groups)}")
    if name not in groups:
        raise KeyProblem(f"the configuration has no group '{name}'; it has: {_names(groups)}")
    return groups[name]


def _account(name: str | None, group: Group) -> str | None:
    accounts = [each.id for each in group.accounts]
    if name is not None and name not in accounts:
        raise KeyProblem(f"group '{group.id}' has no account '{name}'; it has: {_names(accounts)}")
    return name


def _names(names: Collection[str]) -> str:
    return ", ".join(sorted(names))


def _budget(options: argparse.Namespace) -> Budget | None:
    credits_ = options.budget_credits
    budget = Budget(
        period=Period(options.budget_period or Period.MONTH.value),
        requests=options.budget_requests,
        tokens=options.budget_tokens,
        nano_aiu=None if credits_ is None else nano_aiu_of(credits_),
        is_shadow=options.budget_shadow,
        refuses_unknown=options.budget_when_unknown == "refuse",
    )
    if budget.limits_anything:
        return budget
    if options.budget_period or budget.is_shadow or budget.refuses_unknown:
        raise KeyProblem("a budget needs --budget-requests, --budget-tokens or --budget-credits")
    return None


def _add_rights(parser: argparse.ArgumentParser, identifier: Identifier) -> None:
    parser.add_argument("--group", type=identifier, help="the group it belongs to")
    parser.add_argument("--account", type=identifier, help="the only account it may use")
    parser.add_argument(
        "--owner", type=_owner, default="", metavar="TEXT", help="whose it is, for `keys list`"
    )
    parser.add_argument(
        "--expires", metavar="TIME", help="90d, 2027-01-31 or 2027-01-31T12:00:00Z; default: never"
    )
    parser.add_argument(
        "--may-mark-agent", action="store_true", help="whether its X-Initiator: agent counts"
    )


def _add_limits(parser: argparse.ArgumentParser) -> None:
    count = _number(1, MOST)
    for name in (
        *("max-concurrency", "requests-per-minute", "tokens-per-minute"),
        *("budget-requests", "budget-tokens"),
    ):
        parser.add_argument(f"--{name}", type=count, metavar="N")
    parser.add_argument(
        "--max-waiting", type=_number(0, MOST_WAITING), metavar="N", default=USUAL_MAX_WAITING
    )
    parser.add_argument("--budget-credits", type=_credits, metavar="N")
    parser.add_argument("--budget-period", choices=[period.value for period in Period])
    parser.add_argument("--budget-shadow", action="store_true", help="only report what is over it")
    parser.add_argument("--budget-when-unknown", choices=("allow", "refuse"), default="allow")


def _or_token_caller(identifier: Identifier) -> Identifier:
    """Also the id under which what the holder of a token has used is counted."""

    def either(text: str) -> str:
        return text if is_token_caller(text) else identifier(text)

    return either


def _number(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", text) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"must be a whole number from {least} to {most}")
        return int(text)

    return number


def _credits(text: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal(0)
    if not found.is_finite() or not 0 < found * NANO_AIU_PER_CREDIT <= MOST:
        raise argparse.ArgumentTypeError("must be a number of credits greater than 0")
    return found


def _owner(text: str) -> str:
    if len(text) > MAX_OWNER_CHARACTERS or not text.isprintable():
        raise argparse.ArgumentTypeError(
            f"must be at most {MAX_OWNER_CHARACTERS} printable characters"
        )
    return text
