"""Reads scenarios and the parts of them that the control endpoint takes, naming every problem.

YAML, of which JSON is a part. A key given twice is an error, and no problem quotes the value
it is about.
"""

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from simulator.scenario.accounts import Part
from simulator.scenario.document import Scenario

P = TypeVar("P", bound=Part)

LARGEST_BYTES = 16 * 1024 * 1024


class ScenarioError(Exception):
    """Everything that is wrong with a scenario, one line each."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read_scenario(path: Path, check: Callable[[Scenario], list[str]]) -> Scenario:
    """The scenario in a file. Raises ScenarioError; `check` may add problems of its own."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ScenarioError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ScenarioError("is not UTF-8 text") from None
    return parse_scenario(text, check)


def parse_scenario(text: str, check: Callable[[Scenario], list[str]]) -> Scenario:
    """The scenario in a text; an empty text is the default one. Raises ScenarioError."""
    scenario = parse(text, Scenario)
    problems = check(scenario)
    if problems:
        raise ScenarioError(*problems)
    return scenario


def parse(text: str, kind: type[P]) -> P:
    """One part of a scenario. Raises ScenarioError."""
    content, problems = parse_yaml(text)
    return judge(content, kind, problems)


def judge(content: Any, kind: type[P], problems: list[str] | None = None) -> P:
    """Content that was read already, as a part of a scenario. Raises ScenarioError."""
    found = list(problems or [])
    try:
        part = kind.model_validate({} if content is None else content)
    except ValidationError as error:
        found += [_describe(kind, item) for item in error.errors(include_input=False)]
        raise ScenarioError(*dict.fromkeys(found)) from None
    if found:
        raise ScenarioError(*found)
    return part


def parse_yaml(text: str) -> tuple[Any, list[str]]:
    """The content, and a problem for each key that is given twice. Raises ScenarioError."""
    loader = _Loader(text)
    try:
        return loader.get_single_data(), loader.duplicates
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ScenarioError(f"{where}not valid YAML") from None
    finally:
        loader.dispose()


class _Loader(yaml.SafeLoader):
    """Safe YAML that remembers keys given twice."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.duplicates: list[str] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                line = key.start_mark.line + 1
                self.duplicates.append(f"line {line}: '{name}' is given twice")
            seen.add(name)
        return super().construct_mapping(node, deep)


def _describe(kind: type[BaseModel], item: Any) -> str:
    location: tuple[str | int, ...] = item["loc"]
    where = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in location).lstrip(".")
    if item["type"] == "extra_forbidden":
        return f"{where}: no such setting{_suggestion(kind, location)}"
    if item["type"] == "missing":
        return f"{where}: required"
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"{where}: {message[:1].lower()}{message[1:]}" if where else message


def _suggestion(kind: type[BaseModel], location: tuple[str | int, ...]) -> str:
    name = str(location[-1])
    near = difflib.get_close_matches(name, _all_names(kind, set()) - {name}, n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def _all_names(kind: type[BaseModel], seen: set[type[BaseModel]]) -> set[str]:
    """Every field name of a part and of the parts within it: near enough for a hint."""
    if kind in seen:
        return set()
    seen.add(kind)
    names = set(kind.model_fields)
    for field in kind.model_fields.values():
        for inner in _parts_of(field.annotation):
            names |= _all_names(inner, seen)
    return names


def _parts_of(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [part for inner in getattr(annotation, "__args__", ()) for part in _parts_of(inner)]
