"""What every service's configuration has in common (runtime/configuration.py)."""

import contextlib
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, Field
from pydantic_settings import SettingsConfigDict

from runtime.configuration import (
    ConfigurationError,
    Document,
    Section,
    check_secret_file,
    load,
)

SECRET = "do-not-show-me"


class Listen(Section):
    port: int = 8080
    hosts: list[str] = Field(default_factory=list)


class Key(Section):
    id: str
    retries: Annotated[int, Field(ge=0)] = 0


class Sample(Document):
    model_config = SettingsConfigDict(env_prefix="SAMPLE__")

    listen: Listen = Listen()
    spare: Listen | None = None
    keys: list[Key] = Field(default_factory=list)
    labels: dict[str, str] = Field(default_factory=dict)
    level: Literal["info", "error"] = "info"
    secret_file: Annotated[Path, AfterValidator(check_secret_file)] | None = None


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sample.yaml"


def problems(path: Path, text: str | None = None) -> tuple[str, ...]:
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load(Sample, path)
    return caught.value.problems


# --- the file ---------------------------------------------------------------------------------


def test_an_empty_file_gives_the_defaults(file: Path) -> None:
    file.write_text("")
    assert load(Sample, file) == Sample()


def test_settings_cannot_be_changed_after_loading(file: Path) -> None:
    file.write_text("listen: {port: 1}")
    settings = load(Sample, file)
    with pytest.raises(ValueError, match="frozen"):
        settings.listen.port = 2


def test_a_missing_file_is_an_error_and_not_the_defaults(file: Path) -> None:
    assert problems(file) == (f"{file}: no such file; name one with --config",)


def test_a_directory_is_not_a_file(tmp_path: Path) -> None:
    assert problems(tmp_path) == (f"{tmp_path}: cannot be read: Is a directory",)


def test_bytes_that_are_not_text_are_not_quoted(file: Path) -> None:
    file.write_bytes(b"level: \xff\xfe")
    assert problems(file) == (f"{file}: cannot be read: not UTF-8 text",)


@pytest.mark.parametrize("text", ["- a", "word", "3: {}", "null: 1", "[a"])
def test_only_a_mapping_of_names_is_a_configuration(file: Path, text: str) -> None:
    (problem,) = problems(file, text)
    assert problem.startswith(str(file))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("level: info\nlevel: error", 2),
        ("listen:\n  port: 1\n  port: 2", 3),
        ("keys:\n  - id: a\n    retries: 1\n    retries: 2", 4),
        ("labels: {a: x,\n  a: y}", 2),
    ],
    ids=["top", "section", "in a list", "in a mapping"],
)
def test_a_key_given_twice_is_an_error_at_every_depth(file: Path, text: str, line: int) -> None:
    """PyYAML lets the last one win."""
    (problem,) = problems(file, text)
    assert f"line {line}: '" in problem
    assert problem.endswith("is given twice")


def test_an_unknown_key_is_an_error_with_a_suggestion(file: Path) -> None:
    assert problems(file, "listen: {prot: 1}\nkeys: [{id: a, retrys: 1}]\nlevle: info") == (
        "listen.prot: no such setting; did you mean 'port'?",
        "keys[0].retrys: no such setting; did you mean 'retries'?",
        "levle: no such setting; did you mean 'level'?",
    )


@pytest.mark.parametrize("key", ["_env_file", "_env_prefix", "__pydantic_self__", "self"])
def test_no_key_of_the_file_reaches_pydantic_as_an_option(file: Path, key: str) -> None:
    """`Sample(_env_prefix=…)` would silently change where settings come from."""
    assert problems(file, f"{key}: x") == (f"{key}: no such setting",)


def test_all_problems_are_told_at_once(
    file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SAMPLE__LEVLE", "info")
    text = "level: loud\nlisten: {port: x, port: y}\nkeys: [{retries: -1}]\nsecret_file: /nowhere"
    assert problems(file, text) == (
        f"{file}, line 2: 'port' is given twice",
        "SAMPLE__LEVLE: no such setting; did you mean SAMPLE__LEVEL?",
        "listen.port: input should be a valid integer, unable to parse string as an integer",
        "keys[0].id: required",
        "keys[0].retries: input should be greater than or equal to 0",
        "level: input should be 'info' or 'error'",
        "secret_file: /nowhere: no such file",
    )


@pytest.mark.parametrize(
    "text",
    [
        f"level: {SECRET}",
        f"listen: {SECRET}",
        f"keys: [{{id: [{SECRET}]}}]",
        f"labels: [{SECRET}]",
        f"level: '{SECRET}",
        f"level: [{SECRET}",
        f"level: {SECRET}: x",
        f"level: !!python/name:{SECRET} x",
        f"level: *{SECRET}",
        f"listen: {{port: {SECRET}, port: {SECRET}}}",
    ],
)
def test_no_problem_quotes_a_value(file: Path, text: str) -> None:
    """It may be a secret; this holds for values that are not even valid YAML too."""
    assert SECRET not in "\n".join(problems(file, text))


@pytest.mark.parametrize("value", ["2026-02-30", "0b_", "9" * 5000])
def test_what_only_looks_like_a_date_or_a_number_is_a_problem_with_its_place(
    file: Path, value: str
) -> None:
    """PyYAML fails on these with an error that is not its own."""
    assert problems(file, f"level: {value}") == (f"{file}, line 1, column 8: not valid YAML",)


def test_a_file_nested_without_end_is_a_problem(file: Path) -> None:
    assert problems(file, "[" * 5000) == (f"{file}: nested too deeply",)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(alphabet="aport:{}[]-&*!?'\"|>% \n0x_1.#,<=~") | st.text())
def test_any_text_is_either_settings_or_problems(file: Path, text: str) -> None:
    """No input makes the reader fail with an error of another kind."""
    file.write_text(text, encoding="utf-8", errors="replace")
    with contextlib.suppress(ConfigurationError):
        assert isinstance(load(Sample, file), Sample)


# --- the environment --------------------------------------------------------------------------


def test_null_in_the_environment_takes_back_what_the_file_says(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(f"secret_file: {file}\nlevel: error\n")
    monkeypatch.setenv("SAMPLE__SECRET_FILE", "null")
    loaded = load(Sample, file)
    assert (loaded.secret_file, loaded.level) == (None, "error")


def test_the_environment_overrides_scalars_and_leaves_their_neighbours(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("listen: {port: 1, hosts: [a]}\nlevel: info")
    monkeypatch.setenv("SAMPLE__LISTEN__PORT", "2")
    monkeypatch.setenv("sample__level", "error")
    monkeypatch.setenv("SAMPLE__SPARE__PORT", "3")
    loaded = load(Sample, file)
    assert loaded.listen == Listen(port=2, hosts=["a"])
    assert loaded.level == "error"
    assert loaded.spare == Listen(port=3)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("SAMPLE__LISTEN__PROT", "no such setting; did you mean SAMPLE__LISTEN__PORT?"),
        ("SAMPLE__XYZZY", "no such setting"),
        ("SAMPLE__", "no such setting"),
        ("SAMPLE__LABELS__A", "no such setting"),
        ("SAMPLE__LEVEL__X", "no such setting; did you mean SAMPLE__LEVEL?"),
        ("SAMPLE__KEYS", "a list or mapping cannot come from the environment"),
        ("SAMPLE__LABELS", "a list or mapping cannot come from the environment"),
        ("SAMPLE__LISTEN", "a list or mapping cannot come from the environment"),
        ("SAMPLE__LISTEN__HOSTS", "a list or mapping cannot come from the environment"),
    ],
)
@pytest.mark.parametrize("value", [SECRET, '{"a": "b"}', "[]", "1", ""])
def test_a_variable_that_sets_no_scalar_is_an_error(
    file: Path, monkeypatch: pytest.MonkeyPatch, name: str, problem: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert problems(file, "") == (f"{name}: {problem}",)


def test_a_variable_of_the_wrong_type_names_the_setting_and_no_value(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAMPLE__LISTEN__PORT", SECRET)
    (problem,) = problems(file, "")
    assert problem.startswith("listen.port: ")
    assert SECRET not in problem


def test_other_programs_variables_are_left_alone(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAMPLE_LEVEL", "loud")
    monkeypatch.setenv("LEVEL", "loud")
    file.write_text("")
    assert load(Sample, file) == Sample()


def test_no_env_file_is_read(file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SAMPLE__LEVEL=error")
    monkeypatch.chdir(tmp_path)
    file.write_text("")
    assert load(Sample, file).level == "info"
