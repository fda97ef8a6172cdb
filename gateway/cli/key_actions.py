"""Which of `keys` is asked for, as something to do with the database."""

import argparse
from collections.abc import Awaitable, Callable, Collection, Mapping

from gateway.cli import keys
from gateway.cli.key_arguments import expiry, wanted_key
from gateway.cli.key_listing import FORMS
from gateway.cli.keys import Operator
from gateway.domain.groups import Group
from gateway.ports.keys import KeyStore

LIST = "list"
"""The one that changes nothing."""

Action = Callable[[KeyStore], Awaitable[str]]
"""Does it and says what was done. Raises KeyProblem and LedgerDown."""


def action_of(
    options: argparse.Namespace,
    groups: Mapping[str, Group],
    in_file: Collection[str],
    who: Operator,
) -> Action:
    """What the arguments ask for. groups, in_file: the configuration's groups, and its keys' ids.

    Raises KeyProblem.
    """
    if options.action == "new":
        wanted = wanted_key(options, groups, who)
        return lambda store: keys.make(store, wanted, in_file)
    if options.action == "rotate":
        end = expiry(options.expires, who.now)
        seconds = float(options.keep_old_for)
        return lambda store: keys.rotate(store, options.id, in_file, who, seconds, end)
    if options.action == "revoke":
        return lambda store: keys.revoke(store, options.id, in_file, who)
    if options.action == "forget":
        return lambda store: keys.forget(store, options.id, in_file, who)
    return lambda store: _list(store, options.format, who.now)


async def _list(store: KeyStore, form: str, now: float) -> str:
    return FORMS[form](await store.list(), now)
