"""The arithmetic of a Deployment's rolling update: how many pods to make, and how many to end."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from tests.servers.cluster.manifests import Document, ManifestError


@dataclass(frozen=True)
class Strategy:
    """How far the number of pods may go above and below the wanted one."""

    surge: int
    unavailable: int


@dataclass(frozen=True)
class Pods:
    """Those of one template that nobody has told to end. available: ready for long enough."""

    total: int
    available: int


@dataclass(frozen=True)
class Step:
    """What to do now.

    broken: how many old pods to end that serve nobody; old: how many of the others.
    """

    make: int
    broken: int
    old: int
    new: int = 0


def strategy(deployment: Document, replicas: int) -> Strategy:
    """As the manifest has it: shares of `replicas` are rounded up above and down below."""
    spec = deployment["spec"].get("strategy", {})
    kind = spec.get("type", "RollingUpdate")
    if kind == "Recreate":
        return Strategy(0, replicas)
    if kind != "RollingUpdate":
        raise ManifestError(f"there is no strategy {kind}")
    update = spec.get("rollingUpdate", {})
    surge = _number(update.get("maxSurge", "25%"), replicas, math.ceil)
    unavailable = _number(update.get("maxUnavailable", "25%"), replicas, math.floor)
    # The API server refuses zeros, so both are zero only by rounding; then one may be missing.
    return Strategy(surge, unavailable if surge or unavailable else 1)


def step(replicas: int, new: Pods, old: Pods, how: Strategy) -> Step:
    """What a Deployment's controller does with so many pods of its old and new template."""
    total = new.total + old.total
    make = max(0, min(replicas - new.total, replicas + how.surge - total))
    least = replicas - how.unavailable
    # New pods that are not available yet must not be counted on.
    spare = max(0, total - least - (new.total - new.available))
    broken = min(old.total - old.available, spare)
    ended = max(0, min(old.available, new.available + old.available - least, spare - broken))
    return Step(make, broken, ended, max(0, new.total - replicas))


def _number(value: int | str, replicas: int, rounded: Callable[[float], int]) -> int:
    if isinstance(value, int):
        return value
    return rounded(replicas * int(value.removesuffix("%")) / 100)
