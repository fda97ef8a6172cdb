"""What a key's group decides."""

import pytest

from gateway.domain import groups
from gateway.domain.api_keys import ApiKey
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.groups import Group
from gateway.domain.models import Model

GROUPS = {
    "g": Group("g", "copilot", "seat-1", allow=("gpt-4*", "o3")),
    "other": Group("other", "openai", "azure-1"),
}


def key(group: str = "g", account: str | None = None) -> ApiKey:
    return ApiKey("k", group, account, None, False)


def test_a_bound_key_uses_its_own_account() -> None:
    assert groups.account_for(GROUPS["g"], key()) == "seat-1"
    assert groups.account_for(GROUPS["g"], key(account="seat-9")) == "seat-9"


@pytest.mark.parametrize(
    ("group", "required", "refused"),
    [
        ("g", "copilot", False),
        ("g", None, False),
        ("other", None, False),
        ("other", "copilot", True),
    ],
)
def test_a_path_may_be_for_one_platform_only(
    group: str, required: str | None, refused: bool
) -> None:
    if not refused:
        assert groups.of_key(GROUPS, key(group), required).id == group
        return
    with pytest.raises(GatewayError) as caught:
        groups.of_key(GROUPS, key(group), required)
    assert caught.value.fault is Fault.POLICY_PLATFORM


@pytest.mark.parametrize(
    ("model", "allowed"), [("gpt-4o", True), ("o3", True), ("o3-mini", False), ("GPT-4o", False)]
)
def test_a_model_outside_the_patterns_is_as_if_it_did_not_exist(model: str, allowed: bool) -> None:
    assert groups.allowed(GROUPS["g"], [Model(model, "")]) == ((Model(model, ""),) * allowed)
    if not allowed:
        with pytest.raises(GatewayError) as caught:
            groups.check_model(GROUPS["g"], model)
        assert caught.value.fault is Fault.CALLER_MODEL_NOT_FOUND
