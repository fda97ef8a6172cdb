"""`GET /models` and `GET /models/{id}` (§5.5): the catalogue as JSON."""

from typing import Any

from simulator.wire.catalogue import Family, Model, Prices
from simulator.wire.embeddings_body import MOST_INPUTS

# Prices are tiered from this version of the API on, flat before it (§5.3, §5.5).
TIERED_SINCE = "2026-06-01"
NANO_AIU_PER_CREDIT = 1_000_000_000
BATCH = 1_000_000
IMAGE_BYTES = 3_145_728


def entry(model: Model, api_version: str) -> dict[str, Any]:
    """One entry, in the form of this `X-GitHub-Api-Version`."""
    if model.bare:
        return {"id": model.id, "object": "model"}
    body: dict[str, Any] = {
        "id": model.id,
        "object": "model",
        "name": model.name,
        "vendor": model.vendor,
        "version": model.answers_as,
        "preview": "preview" in model.id,
        "is_chat_default": model.id == "gpt-4.1",
        "is_chat_fallback": model.id == "gpt-4.1",
        "model_picker_enabled": model.picker,
        "model_picker_category": "versatile",
        "model_picker_price_category": "medium",
        "billing": _billing(model, api_version),
        "capabilities": _capabilities(model),
    }
    if model.has_policy:
        state = "enabled" if model.enabled else "disabled"
        body["policy"] = {"state": state, "terms": f"Enable access to {model.name} (simulated)"}
    if model.supported_endpoints is not None:
        body["supported_endpoints"] = list(model.supported_endpoints)
    if model.request_headers:
        body["request_headers"] = dict(model.request_headers)
    return body


def _billing(model: Model, api_version: str) -> dict[str, Any]:
    is_premium = model.family is not Family.GPT
    tiered = not api_version or api_version >= TIERED_SINCE
    return {
        "is_premium": is_premium,
        "multiplier": 1 if is_premium else 0,
        "restricted_to": ["pro", "pro_plus", "individual_trial", "business", "enterprise"],
        "token_prices": _tiered(model) if tiered else _flat(model.prices),
    }


def _tiered(model: Model) -> dict[str, Any]:
    prices = model.prices
    return {
        "batch_size": BATCH,
        "default": {
            "input_price": prices.input,
            "output_price": prices.output,
            "cache_read_price": prices.cache_read,
            "cache_write_price": prices.cache_write,
            "max_prompt_tokens": model.prompt_tokens,
        },
    }


def _flat(prices: Prices) -> dict[str, Any]:
    """Nano-AIU; that they are per token is our reading, the reference does not say."""
    per_token = NANO_AIU_PER_CREDIT // BATCH
    return {
        "input_price": prices.input * per_token,
        "output_price": prices.output * per_token,
        "cache_price": prices.cache_read * per_token,
    }


def _capabilities(model: Model) -> dict[str, Any]:
    if model.kind == "embeddings":
        return {
            "type": "embeddings",
            "object": "model_capabilities",
            "family": model.id,
            "tokenizer": "cl100k_base",
            "limits": {"max_inputs": MOST_INPUTS},
            "supports": {"dimensions": True},
        }
    return {
        "type": model.kind,
        "object": "model_capabilities",
        "family": model.id,
        "tokenizer": "o200k_base",
        "limits": _limits(model),
        "supports": _supports(model),
    }


def _limits(model: Model) -> dict[str, Any]:
    limits: dict[str, Any] = {
        "max_context_window_tokens": model.context_tokens,
        "max_prompt_tokens": model.prompt_tokens,
        "max_output_tokens": model.output_tokens,
    }
    if model.family is Family.CLAUDE:
        limits["max_non_streaming_output_tokens"] = 16_000
    if model.images:
        limits["vision"] = {
            "max_prompt_image_size": IMAGE_BYTES,
            "max_prompt_images": model.images,
            "supported_media_types": ["image/jpeg", "image/png", "image/webp"],
        }
    return limits


def _supports(model: Model) -> dict[str, Any]:
    supports: dict[str, Any] = {
        "streaming": True,
        "tool_calls": True,
        "parallel_tool_calls": True,
        "structured_outputs": True,
    }
    if model.images:
        supports["vision"] = True
    if model.family is Family.CLAUDE:
        supports["min_thinking_budget"] = 1024
        supports["max_thinking_budget"] = 32000
    if model.reasons:
        supports["reasoning_effort"] = ["low", "medium", "high"]
    return supports
