"""Reads a YAML file as a mapping, more strictly than PyYAML: a key given twice is a problem.

Says where something is wrong, never what stands there (it may be a secret). What the keys mean
is for the caller.
"""

from pathlib import Path
from typing import Any

import yaml


class UnreadableFile(Exception):
    """The file gives no mapping at all; the text says which file, where and why."""


def read_mapping(path: Path) -> tuple[dict[str, Any], list[str]]:
    """The mapping in `path`, empty for an empty file, and the keys given twice.

    Raises UnreadableFile.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UnreadableFile(f"{path}: no such file; name one with --config") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise UnreadableFile(f"{path}: cannot be read: {reason}") from None
    duplicates: list[str] = []
    loader = type("Loader", (_StrictLoader,), {"duplicates": duplicates})
    try:
        content = yaml.load(text, Loader=loader)  # noqa: S506  a SafeLoader that also counts keys
    except yaml.YAMLError as error:
        raise UnreadableFile(f"{path}{_position(error)}: not valid YAML") from None
    except RecursionError:
        raise UnreadableFile(f"{path}: nested too deeply") from None
    problems = [f"{path}, {where}" for where in duplicates]
    if content is None:
        content = {}
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise UnreadableFile(f"{path}: must be a mapping of settings")
    return content, problems


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML that reports a key given twice instead of letting the last one win."""

    duplicates: list[str]

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except ValueError:  # what looks like a date or a number and is none, such as 2026-02-30
            raise yaml.constructor.ConstructorError(problem_mark=node.start_mark) from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, (str, int, float, bool)):
                if key in seen:
                    line = key_node.start_mark.line + 1
                    self.duplicates.append(f"line {line}: '{key}' is given twice")
                seen.add(key)
        return super().construct_mapping(node, deep)


def _position(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
