"""Groups of keys: the account behind them and the models they may name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gateway.domain.api_keys import ApiKey
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.models import Model, no_such_model


@dataclass(frozen=True, slots=True)
class Group:
    """A group: its platform, the account its requests use, the models it may name."""

    id: str
    platform: str
    account: str
    allow: tuple[str, ...] = ("*",)
    """Shell patterns of model ids."""

    def allows(self, model: str) -> bool:
        """Whether the group may name this model."""
        return any(fnmatchcase(model, pattern) for pattern in self.allow)


def of_key(groups: Mapping[str, Group], key: ApiKey, required_platform: str | None) -> Group:
    """The key's group. Raises GatewayError when the path is for another platform."""
    group = groups[key.group]
    if required_platform is not None and group.platform != required_platform:
        raise GatewayError(
            Fault.POLICY_PLATFORM,
            f"This path is for the platform '{required_platform}'; "
            f"the key's group uses '{group.platform}'.",
        )
    return group


def account_for(group: Group, key: ApiKey) -> str:
    """The account a key's requests use: its own where it is bound to one, else the group's."""
    return key.account or group.account


def check_model(group: Group, model: str) -> None:
    """Raise GatewayError when the group may not name this model: as if it did not exist."""
    if not group.allows(model):
        raise no_such_model()


def allowed(group: Group, models: Sequence[Model]) -> tuple[Model, ...]:
    """Those of the models that the group may name."""
    return tuple(model for model in models if group.allows(model.id))
