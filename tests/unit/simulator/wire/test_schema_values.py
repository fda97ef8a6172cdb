"""Arguments made from JSON schemas."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.wire.answer import encode
from simulator.wire.schema_values import arguments_for


def value_of(schema: dict[str, Any], name: str = "x") -> Any:
    return arguments_for({"type": "object", "properties": {name: schema}})[name]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, "simulated"),
        ({"type": "string", "enum": ["b", "a"]}, "b"),
        ({"const": 7}, 7),
        ({"type": "integer", "default": 3}, 3),
        ({"type": "string", "format": "date"}, "2026-11-22"),
        ({"type": "string", "maxLength": 3}, "sim"),
        ({"type": "string", "minLength": 12}, "simulatedxxx"),
        ({"type": "integer"}, 1),
        ({"type": "integer", "minimum": 2.5}, 3),
        ({"type": "integer", "exclusiveMinimum": 4}, 5),
        ({"type": "number", "maximum": -2}, -2),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 0.5}, 0.25),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"type": ["null", "boolean"]}, True),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [1, 1]),
        ({"type": "array", "items": {"type": "integer"}, "maxItems": 0}, []),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, 1),
        ({"properties": {"city": {"type": "string"}}}, {"city": "Berlin"}),
        ({"allOf": [{"properties": {"a": {"type": "integer"}}}], "properties": {"b": {}}},
         {"a": 1, "b": "simulated"}),
        ({}, "simulated"),
    ],
)  # fmt: skip
def test_each_keyword(schema: dict[str, Any], expected: Any) -> None:
    assert value_of(schema) == expected


def test_only_required_properties_are_given_where_some_are() -> None:
    schema = {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["b"]}
    assert set(arguments_for(schema)) == {"b"}


def test_names_make_values_plausible() -> None:
    assert value_of({"type": "string"}, "user_email") == "octocat@example.com"


def test_references_are_followed_and_recursion_ends() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}
    schema = {"$defs": {"node": node}, "$ref": "#/$defs/node"}
    assert "next" in arguments_for(schema)


@pytest.mark.parametrize("schema", [None, {}, {"type": "string"}, {"$ref": "#/nowhere"}])
def test_tools_without_parameters_get_an_empty_object(schema: dict[str, Any] | None) -> None:
    assert arguments_for(schema) == {}


_KEYWORDS = st.sampled_from(
    ["type", "properties", "items", "required", "enum", "anyOf", "oneOf", "allOf", "$ref",
     "minimum", "maximum", "exclusiveMinimum", "minItems", "minLength", "maxLength", "format"]
)  # fmt: skip
_SCALARS = (
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False)
    | st.sampled_from(["object", "array", "string", "number", "integer", "null", "#/$ref", "#"])
)  # fmt: skip
_ANYTHING = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYWORDS, inner, max_size=4),
    max_leaves=15,
)


@given(st.dictionaries(_KEYWORDS, _ANYTHING, max_size=5))
def test_any_schema_gives_an_object_that_is_json(schema: dict[str, Any]) -> None:
    """Callers send what they like: nothing may make the simulator fall over."""
    value = arguments_for(schema)
    assert isinstance(value, dict)
    encode(value)


@given(
    st.dictionaries(
        st.sampled_from("abcd"),
        st.sampled_from(["string", "integer", "number", "boolean", "array", "object"]),
    )
)
def test_types_are_kept(types: dict[str, str]) -> None:
    properties = {name: {"type": kind} for name, kind in types.items()}
    kinds: dict[str, Any] = {
        "string": str, "integer": int, "number": int | float, "boolean": bool,
        "array": list, "object": dict,
    }  # fmt: skip
    values = arguments_for({"type": "object", "properties": properties, "required": list(types)})
    assert all(isinstance(values[name], kinds[kind]) for name, kind in types.items())
