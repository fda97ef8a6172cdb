"""Reads one YAML file and the environment into one validated settings model.

Owns what every service's configuration has in common: a missing file, a duplicate or unknown
key and a misspelt environment variable are errors, all problems are found in one pass, and no
problem quotes the value it is about (it may be a secret). What the settings mean is the
model's business.

pydantic-settings alone lets four of these pass (docs/decisions/0004-configuration.md).
"""

import difflib
import os
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from runtime.strict_yaml import UnreadableFile, read_mapping

SEPARATOR = "__"


class ConfigurationError(Exception):
    """Everything that is wrong with a configuration, one line each."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Section(BaseModel):
    """A part of a settings document: immutable, and unknown keys are errors."""

    model_config = {"extra": "forbid", "frozen": True, "hide_input_in_errors": True}


class Document(BaseSettings):
    """A whole settings document; the environment overrides the file.

    A subclass names its prefix: `model_config = SettingsConfigDict(env_prefix="GATEWAY__")`.
    """

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        env_nested_delimiter=SEPARATOR,
        env_parse_none_str="null",
        case_sensitive=False,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file; no .env file is ever read."""
        if isinstance(env_settings, EnvSettingsSource):
            # The others are reported by name; pydantic would try to read them as JSON and fail.
            env_settings.env_vars = dict(_scalars_of(settings_cls, env_settings.env_vars))
        return env_settings, init_settings


D = TypeVar("D", bound=Document)


def load(document: type[D], path: Path) -> D:
    """Read `path` and the environment into `document`.

    Raises ConfigurationError with every problem found. Relative paths inside the file are the
    reader's to resolve, against the working directory.
    """
    try:
        content, problems = read_mapping(path)
    except UnreadableFile as error:
        raise ConfigurationError((str(error),)) from None
    problems += _taken_by_pydantic(content)
    problems += _misspelt_variables(document, os.environ)
    try:
        settings = document(**content)
    except ValidationError as error:
        problems += [_describe(document, item) for item in error.errors(include_input=False)]
        raise ConfigurationError(tuple(dict.fromkeys(problems))) from None
    if problems:
        raise ConfigurationError(tuple(problems))
    return settings


def _taken_by_pydantic(content: dict[str, Any]) -> list[str]:
    """Remove the keys pydantic-settings would take as its own options, such as `_env_file`."""
    taken = [key for key in content if key.startswith("_")]
    for key in taken:
        del content[key]
    return [f"{key}: no such setting" for key in taken]


# --- the environment --------------------------------------------------------------------------


def _scalars_of(
    document: type[BaseSettings], variables: Mapping[str, str | None]
) -> Iterator[tuple[str, str | None]]:
    """The variables that set a scalar of the document."""
    prefix = str(document.model_config.get("env_prefix", ""))
    known = dict(_scalar_paths(document))
    for name, value in variables.items():
        if name.upper().startswith(prefix) and known.get(_path(name, prefix)):
            yield name, value


def _path(variable: str, prefix: str) -> tuple[str, ...]:
    return tuple(variable[len(prefix) :].lower().split(SEPARATOR))


def _misspelt_variables(document: type[Document], environ: Mapping[str, str]) -> list[str]:
    prefix = str(document.model_config.get("env_prefix", ""))
    known = dict(_scalar_paths(document))
    problems = []
    for name in environ:
        if not name.upper().startswith(prefix):
            continue
        path = _path(name, prefix)
        if path not in known:
            problems.append(f"{name}: no such setting{_suggest(path, known, prefix)}")
        elif not known[path]:
            problems.append(f"{name}: a list or mapping cannot come from the environment")
    return problems


def _scalar_paths(model: type[BaseModel]) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Every path of the model, and whether a scalar lies there."""
    for name, field in model.model_fields.items():
        section = _section(field.annotation)
        if section is None:
            yield (name,), not _is_collection(field.annotation)
        else:
            yield (name,), False
            for path, scalar in _scalar_paths(section):
                yield (name, *path), scalar


def _members(annotation: Any) -> tuple[Any, ...]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return typing.get_args(annotation)
    return (annotation,)


def _section(annotation: Any) -> type[BaseModel] | None:
    for member in _members(annotation):
        if isinstance(member, type) and issubclass(member, BaseModel):
            return member
    return None


def _is_collection(annotation: Any) -> bool:
    return any(
        (typing.get_origin(member) or member) in (list, dict, tuple, set, frozenset)
        for member in _members(annotation)
    )


def _suggest(path: tuple[str, ...], known: Mapping[tuple[str, ...], bool], prefix: str) -> str:
    names = {SEPARATOR.join(k).upper(): k for k, scalar in known.items() if scalar}
    near = difflib.get_close_matches(SEPARATOR.join(path).upper(), names, n=1)
    return f"; did you mean {prefix}{near[0]}?" if near else ""


# --- problems ---------------------------------------------------------------------------------


def _describe(document: type[Document], item: Any) -> str:
    location: tuple[str | int, ...] = item["loc"]
    where = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in location).lstrip(".")
    if item["type"] == "extra_forbidden":
        siblings = _siblings(document, location)
        near = difflib.get_close_matches(str(location[-1]), siblings, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        return f"{where}: no such setting{hint}"
    if item["type"] == "missing":
        return f"{where}: required"
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"{where}: {message[:1].lower()}{message[1:]}" if where else message


def _siblings(document: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    model: type[BaseModel] | None = document
    for part in location[:-1]:
        if model is None:
            return []
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        model = _innermost_section(field.annotation) if field else None
    return list(model.model_fields) if model else []


def _innermost_section(annotation: Any) -> type[BaseModel] | None:
    found = _section(annotation)
    if found is not None:
        return found
    for member in _members(annotation):
        for argument in typing.get_args(member):
            found = _innermost_section(argument)
            if found is not None:
                return found
    return None


# --- secrets in files -------------------------------------------------------------------------

MAX_SECRET_BYTES = 64 * 1024


def read_secret(path: Path) -> str:
    """The one line of text in `path`, without its line end.

    Raises ValueError with a sentence that says what is wrong and quotes nothing of it.
    """
    text = _text_in(path)
    if any(not character.isprintable() or character == " " for character in text):
        raise ValueError(f"{path}: must hold one secret on one line, without spaces inside")
    return text


def read_pem(path: Path) -> str:
    """The text of a file in PEM, several lines. Raises ValueError as `read_secret` does."""
    text = _text_in(path)
    if not text.startswith("-----BEGIN "):
        raise ValueError(f"{path}: is not in PEM")
    return text


def _text_in(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_SECRET_BYTES + 1)
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from None
    if len(raw) > MAX_SECRET_BYTES:
        raise ValueError(f"{path}: larger than {MAX_SECRET_BYTES} bytes, so not a secret of ours")
    try:
        text = raw.decode("ascii").strip()
    except UnicodeDecodeError:
        raise ValueError(f"{path}: holds bytes that are not ASCII text") from None
    if not text:
        raise ValueError(f"{path}: is empty")
    return text


def check_secret_file(path: Path) -> Path:
    """A pydantic validator for `*_file` settings: the file can be read as a secret."""
    read_secret(path)
    return path
