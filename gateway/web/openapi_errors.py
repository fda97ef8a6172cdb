"""What the API's description says of errors: which an endpoint may answer with, and their shapes.

Built from problems.SHAPES, so that a new fault is described as soon as it is there. Knows no path.
"""

from http import HTTPStatus
from typing import Any

from gateway.domain.errors import Fault
from gateway.domain.protocols import Protocol
from gateway.web.problems import (
    ANTHROPIC_SERVER,
    ANTHROPIC_TYPES,
    FAULT_HEADER,
    FINAL,
    RETRY_HEADER,
    SHAPES,
)

Schema = dict[str, Any]

OF_KEYS = frozenset(fault for fault in Fault if fault.value.startswith("caller_key")) | {
    Fault.POLICY_GROUP,
    Fault.POLICY_TOKEN,
    Fault.POLICY_GUESSING,
    Fault.GATEWAY_KEYS,
    Fault.GATEWAY_ISSUER,
}
ELSEWHERE = frozenset(
    {
        Fault.CALLER_HTTP_INVALID,
        Fault.CALLER_PATH_UNKNOWN,
        Fault.CALLER_ENDPOINT_UNSUPPORTED,
        Fault.CALLER_METHOD_NOT_ALLOWED,
    }
)
"""What is answered where no endpoint is met, and so by none of those that are described."""
OF_PREFIXES = frozenset({Fault.POLICY_PLATFORM})
"""Only under a prefix that is one platform's."""
OF_BODIES = frozenset(
    {Fault.CALLER_BODY_INVALID, Fault.CALLER_BODY_TOO_LARGE, Fault.CALLER_BODY_TIMEOUT}
)
OF_ANY = OF_KEYS | {Fault.GATEWAY_OTHER}

REPORTING = OF_ANY | {Fault.CALLER_REQUEST_REFUSED, Fault.GATEWAY_LEDGER}
INFERRING = frozenset(Fault) - ELSEWHERE - OF_PREFIXES - {Fault.GATEWAY_LEDGER}
COUNTING = OF_ANY | OF_BODIES | {Fault.CALLER_MODEL_NOT_FOUND}
LISTING = INFERRING - {
    Fault.CALLER_BODY_INVALID,
    Fault.CALLER_BODY_TIMEOUT,
    Fault.CALLER_VISION_UNSUPPORTED,
    Fault.POLICY_CONCURRENCY,
    Fault.POLICY_RATE,
    Fault.POLICY_BUDGET,
    Fault.POLICY_BUDGET_UNKNOWN,
    Fault.GATEWAY_JOURNAL_FULL,
}
"""Upstream may refuse its list in all the ways in which it refuses requests."""
FINDING = LISTING | {Fault.CALLER_PATH_UNKNOWN}
"""Without an id behind it, the path of one model is none."""

DIALECTS = {"openai": "OpenAIError", "anthropic": "AnthropicError"}
"""The shapes of errors, each with the name of its schema."""


FINAL_STATUSES = frozenset(SHAPES[fault].status for fault in FINAL)
FINAL_HEADER: Schema = {RETRY_HEADER: {"$ref": f"#/components/headers/{RETRY_HEADER}"}}


def dialect_of(protocol: Protocol | None) -> str:
    """The shape that errors have in a protocol; None: where there is none."""
    return "anthropic" if protocol is Protocol.MESSAGES else "openai"


def statuses_of(faults: frozenset[Fault]) -> list[int]:
    """The statuses that these faults have, in order."""
    return sorted({SHAPES[fault].status for fault in faults})


def schemas() -> dict[str, Schema]:
    """Both shapes, by the names of DIALECTS."""
    message = {"type": "string", "minLength": 1}
    openai = {
        "message": message,
        "type": {"enum": sorted({shape.type for shape in SHAPES.values()})},
        "param": {"type": ["string", "null"], "description": "The field that is at fault."},
        "code": {
            "type": ["string", "null"],
            "description": "What clients act on.",
            "examples": sorted({shape.code for shape in SHAPES.values() if shape.code}),
        },
    }
    kinds = sorted({*ANTHROPIC_TYPES.values(), ANTHROPIC_SERVER})
    word = {"type": "string", "minLength": 1, "examples": ["thread_unsupported_request"]}
    anthropic = {"type": {"enum": kinds}, "message": message}
    details = _closed({"error_code": word}) | {"description": "What Anthropic's SDK acts on."}
    return {
        DIALECTS["openai"]: _closed({"error": _closed(openai)}),
        DIALECTS["anthropic"]: _closed(
            {
                "type": {"const": "error"},
                "error": _closed(anthropic, {"details": details}),
                "request_id": {"type": "string", "description": "The same as x-request-id."},
            }
        ),
    }


def headers() -> dict[str, Schema]:
    """The headers of errors: when to ask again and whether, and for each status who is at fault."""
    waiting = {
        "description": "Seconds after which the same request may succeed.",
        "schema": {"type": "integer", "minimum": 0},
    }
    final = {
        "description": "Whether to ask again is of any use; not said where it may be.",
        "schema": {"const": "false"},
    }
    return {"Retry-After": waiting, RETRY_HEADER: final} | {
        f"{FAULT_HEADER}-{status}": {
            "description": "Whose fault it was, and how.",
            "required": True,
            "schema": {"enum": _words(status)},
        }
        for status in statuses_of(frozenset(Fault))
    }


def responses() -> dict[str, Schema]:
    """An answer for each status in each shape, by the names that `reference` uses."""
    return {
        f"{dialect}-{status}": {
            "description": HTTPStatus(status).phrase,
            "headers": {
                FAULT_HEADER: {"$ref": f"#/components/headers/{FAULT_HEADER}-{status}"},
                "Retry-After": {"$ref": "#/components/headers/Retry-After"},
                **(FINAL_HEADER if status in FINAL_STATUSES else {}),
            },
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
        }
        for status in statuses_of(frozenset(Fault))
        for dialect, schema in DIALECTS.items()
    }


def references(faults: frozenset[Fault], protocol: Protocol | None) -> dict[str, Schema]:
    """An operation's errors: by status, where the answer is described."""
    dialect = dialect_of(protocol)
    return {
        str(status): {"$ref": f"#/components/responses/{dialect}-{status}"}
        for status in statuses_of(faults)
    }


def _words(status: int) -> list[str]:
    return [fault.value for fault in Fault if SHAPES[fault].status == status]


def _closed(properties: Schema, optional: Schema | None = None) -> Schema:
    """An object that has all of these fields, perhaps the optional ones, and no other."""
    return {
        "type": "object",
        "properties": properties | (optional or {}),
        "required": list(properties),
        "additionalProperties": False,
    }
