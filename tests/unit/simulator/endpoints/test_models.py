"""The catalogue as JSON, with its oddities."""

from typing import Any

import pytest

from tests.unit.simulator.asking import Simulated

DIRECT = {"Authorization": "Bearer gho_simulated_octocat"}


def catalogue(simulated: Simulated, **headers: str) -> list[dict[str, Any]]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = simulated.ask("GET", "/models", {**DIRECT, **named}).json
    assert body["object"] == "list"
    data: list[dict[str, Any]] = body["data"]
    return data


def one(model: str, **headers: str) -> dict[str, Any]:
    return next(entry for entry in catalogue(Simulated(), **headers) if entry["id"] == model)


@pytest.mark.parametrize(
    "model",
    [
        "gpt-4o-mini", "gpt-4o", "gpt-4.1", "gpt-5-mini", "claude-sonnet-4.6",
        "gemini-3.1-pro-preview", "gpt-5.3-codex", "text-embedding-3-small",
    ],
)  # fmt: skip
def test_promised_models_are_there(model: str) -> None:
    assert one(model)["object"] == "model"


def test_oddities_of_the_recorded_catalogue() -> None:
    """§5.5: duplicates, internal entries, missing fields, models behind other endpoints."""
    ids = [entry["id"] for entry in catalogue(Simulated())]
    assert ids.count("gpt-4") == 2
    assert any(identity.startswith("accounts/msft/routers/") for identity in ids)
    assert one("oswe-vscode-simulated") == {"id": "oswe-vscode-simulated", "object": "model"}
    assert "supported_endpoints" not in one("gpt-4o")
    assert one("gpt-5.3-codex")["supported_endpoints"] == ["/responses", "ws:/responses"]
    assert one("claude-sonnet-4.6")["supported_endpoints"] == ["/chat/completions", "/v1/messages"]
    assert one("claude-opus-4.5")["policy"]["state"] == "disabled"
    assert one("text-embedding-3-small")["capabilities"]["limits"] == {"max_inputs": 512}
    assert "request_headers" in one("claude-haiku-4.5")


def test_prices_are_flat_for_older_versions_of_the_api() -> None:
    tiered = one("claude-sonnet-4.6", X_GitHub_Api_Version="2026-06-01")["billing"]
    assert tiered["token_prices"]["default"]["input_price"] == 300
    flat = one("claude-sonnet-4.6", X_GitHub_Api_Version="2025-04-01")["billing"]
    assert set(flat["token_prices"]) == {"input_price", "output_price", "cache_price"}


def test_vision_limits_are_there_for_models_that_see() -> None:
    limits = one("claude-sonnet-4.6")["capabilities"]["limits"]
    assert limits["vision"]["max_prompt_images"] == 5
    assert "vision" not in one("gpt-4o-mini")["capabilities"]["limits"]


def test_one_model_and_an_unknown_one() -> None:
    simulated = Simulated()
    assert simulated.ask("GET", "/models/gpt-4o", DIRECT).json["id"] == "gpt-4o"
    assert simulated.ask("GET", "/models/nonsense", DIRECT).status == 404


def test_scenario_decides_what_is_there() -> None:
    models = {"only": ["gpt-4o", "gpt-4.1"], "disabled": ["gpt-4.1"], "extra": [{"odd": True}]}
    simulated = Simulated({"models": models})
    *entries, extra = catalogue(simulated)
    assert [entry["id"] for entry in entries] == ["gpt-4o", "gpt-4.1"]
    assert extra == {"odd": True}
    assert simulated.chat(model="gpt-4.1").json["error"]["code"] == "model_not_supported"
