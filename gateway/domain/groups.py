"""Groups of keys: the accounts behind them, the models they may name, what happens on failure.

Values from the configuration and the decisions that need nothing else. Which of the accounts
serves a request is for choice.py.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from typing import TypeVar

import msgspec

from gateway.domain.budgets.budget import Budget
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.failover import Policy
from gateway.domain.models import Model, no_such_model
from gateway.domain.rendezvous import Tier, tiers_of

ALL_MODELS = ("*",)
USUAL_FAILOVER = Policy(max_switches=5, on_quota="stop")
MOST_NAMES = 1_000
"""Models whose names are remembered with what they mean; callers could make up any number."""
LONGEST_NAME = 200
"""Of those that are remembered, in characters."""
_NOTHING = "(?!)"
"""An expression that matches no text, not even the empty one."""
_Known = TypeVar("_Known", str, bool)


@dataclass(frozen=True, slots=True)
class GroupAccount:
    """An account as one group uses it."""

    id: str
    priority: int = 0
    """Those with the lowest are used first."""
    weight: int = 1
    """Its share among those of one priority."""
    max_concurrency: int | None = None
    """Of the account over all groups; None does not limit it."""
    platform: str = "copilot"
    base_url: str | None = None
    """Where the platform's API is; None: token_service says so."""
    api_key: str | None = field(default=None, repr=False)
    """What the platform takes; None: a token of token_service."""
    place: str = field(init=False, repr=False, compare=False)
    """What its places are called."""

    def __post_init__(self) -> None:
        """Make the name: it is asked for with every request."""
        object.__setattr__(self, "place", f"account:{self.id}")


@dataclass(frozen=True, slots=True)
class Group:
    """A group as it is configured. What requests need of it is made once, here."""

    id: str
    platform: str
    accounts: tuple[GroupAccount, ...]
    allow: tuple[str, ...] = ALL_MODELS
    """Shell patterns of model ids, as upstream names them."""
    aliases: tuple[tuple[str, str], ...] = ()
    """Shell patterns of what callers say, each with the model that is meant."""
    failover: Policy = USUAL_FAILOVER
    fallback: str | None = None
    """The group whose accounts serve when none of these can."""
    keys: int = 0
    """How many keys of the configuration belong to the group; of holders of tokens, enough to be
    several callers."""
    budget: Budget | None = None
    """What all its keys may use together."""
    by_id: Mapping[str, GroupAccount] = field(init=False, repr=False, compare=False)
    """The accounts."""
    tiers: tuple[Tier[GroupAccount], ...] = field(init=False, repr=False, compare=False)
    """The accounts by priority, as conversations meet them."""
    _allow: re.Pattern[str] = field(init=False, repr=False, compare=False)
    _aliases: tuple[tuple[re.Pattern[str], str], ...] = field(init=False, repr=False, compare=False)
    _resolved: dict[str, str] = field(init=False, repr=False, compare=False)
    _allowed: dict[str, bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile the patterns, and put the accounts where they are found."""
        aliases = tuple((_compiled((pattern,)), model) for pattern, model in self.aliases)
        made = {
            "by_id": {account.id: account for account in self.accounts},
            "tiers": tiers_of(self.accounts),
            "_allow": _compiled(self.allow),
            "_aliases": aliases,
            "_resolved": {},
            "_allowed": {},
        }
        for name, value in made.items():
            object.__setattr__(self, name, value)

    def resolve(self, model: str) -> str:
        """The model that is meant by a name: the first alias that fits, else the name itself.

        Once only: what an alias leads to is no alias again.
        """
        if not self._aliases:
            return model
        found = self._resolved.get(model)
        if found is None:
            fitting = (target for pattern, target in self._aliases if pattern.match(model))
            found = next(fitting, model)
            _remember(self._resolved, model, found)
        return found

    def allows(self, model: str) -> bool:
        """Whether the group may use this model, aliases already resolved."""
        found = self._allowed.get(model)
        if found is None:
            found = self._allow.match(model) is not None
            _remember(self._allowed, model, found)
        return found


def check_platform(group: Group, required_platform: str | None) -> None:
    """Raise GatewayError when the path is for another platform than the group's."""
    if required_platform is not None and group.platform != required_platform:
        raise GatewayError(
            Fault.POLICY_PLATFORM,
            f"This path is for the platform '{required_platform}'; "
            f"the key's group uses '{group.platform}'.",
        )


def check_model(group: Group, model: str) -> None:
    """Raise GatewayError when the group may not use this model: as if it did not exist.

    model: as the caller spelled it.
    """
    if not group.allows(group.resolve(model)):
        raise no_such_model()


def allowed(group: Group, models: Sequence[Model]) -> tuple[Model, ...]:
    """Those of the models that the group may use."""
    return tuple(model for model in models if group.allows(model.id))


def rename_model(body: bytes, model: str) -> bytes:
    """A request's JSON object with another `model`; every other value as the bytes it was."""
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    fields["model"] = msgspec.Raw(msgspec.json.encode(model))
    return msgspec.json.encode(fields)


def _remember(known: dict[str, _Known], model: str, found: _Known) -> None:
    if len(model) > LONGEST_NAME:
        return
    if len(known) >= MOST_NAMES:
        known.clear()
    known[model] = found


def _compiled(patterns: Iterable[str]) -> re.Pattern[str]:
    """One expression for several shell patterns, letter case included."""
    return re.compile("|".join(map(translate, patterns)) or _NOTHING)
