"""The arithmetic of a rolling update, against what Kubernetes' documentation says of it."""

from typing import Any

import pytest

from tests.servers.cluster.manifests import ManifestError
from tests.servers.cluster.rollout import Pods, Step, Strategy, step, strategy

NONE = Pods(0, 0)
CAREFUL = Strategy(surge=1, unavailable=0)


def deployment(**rolling: Any) -> dict[str, Any]:
    return {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": rolling}}}


@pytest.mark.parametrize(
    ("manifest", "replicas", "expected"),
    [
        (deployment(maxSurge=1, maxUnavailable=0), 2, Strategy(1, 0)),
        (deployment(maxSurge="50%", maxUnavailable="50%"), 3, Strategy(2, 1)),
        ({"spec": {}}, 2, Strategy(1, 0)),
        ({"spec": {}}, 8, Strategy(2, 2)),
        (deployment(maxSurge="0%", maxUnavailable="10%"), 3, Strategy(0, 1)),
        ({"spec": {"strategy": {"type": "Recreate"}}}, 3, Strategy(0, 3)),
    ],
)
def test_shares_are_rounded_up_above_and_down_below(
    manifest: dict[str, Any], replicas: int, expected: Strategy
) -> None:
    assert strategy(manifest, replicas) == expected


def test_a_strategy_nobody_knows_is_refused() -> None:
    with pytest.raises(ManifestError, match="there is no strategy Rolling"):
        strategy({"spec": {"strategy": {"type": "Rolling"}}}, 2)


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        (NONE, NONE, Step(make=2, broken=0, old=0)),
        (NONE, Pods(2, 2), Step(make=1, broken=0, old=0)),
        (Pods(1, 0), Pods(2, 2), Step(make=0, broken=0, old=0)),
        (Pods(1, 1), Pods(2, 2), Step(make=0, broken=0, old=1)),
        (Pods(1, 1), Pods(1, 1), Step(make=1, broken=0, old=0)),
        (Pods(2, 2), Pods(1, 1), Step(make=0, broken=0, old=1)),
        (Pods(2, 2), NONE, Step(make=0, broken=0, old=0)),
    ],
)
def test_with_no_pod_to_spare_a_new_one_comes_first(new: Pods, old: Pods, expected: Step) -> None:
    assert step(2, new, old, CAREFUL) == expected


def test_old_pods_that_serve_nobody_end_first() -> None:
    assert step(2, Pods(1, 1), Pods(2, 1), CAREFUL) == Step(make=0, broken=1, old=0)


def test_old_pods_that_serve_nobody_stay_while_new_ones_are_not_available() -> None:
    assert step(2, Pods(1, 0), Pods(2, 1), CAREFUL) == Step(make=0, broken=0, old=0)


def test_a_new_pod_that_is_not_available_frees_no_old_one() -> None:
    assert step(2, Pods(2, 0), Pods(2, 2), Strategy(2, 0)) == Step(make=0, broken=0, old=0)


def test_pods_that_may_be_missing_end_at_once() -> None:
    assert step(3, NONE, Pods(3, 3), Strategy(0, 1)) == Step(make=0, broken=0, old=1)


def test_of_too_many_the_surplus_ends() -> None:
    assert step(1, Pods(2, 2), NONE, CAREFUL) == Step(make=0, broken=0, old=0, new=1)
