"""A secret's file holds one line of plain text, and no error quotes it."""

from pathlib import Path

import pytest

from runtime.configuration import MAX_SECRET_BYTES, read_secret

SECRET = "do-not-show-me"


@pytest.mark.parametrize("content", [SECRET, f"{SECRET}\n", f"{SECRET}\r\n", f" {SECRET} \n\n"])
def test_a_secret_is_the_files_one_line_without_its_end(tmp_path: Path, content: str) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content.encode())
    assert read_secret(path) == SECRET


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (SECRET.encode() + b"\nsecond", "one secret on one line"),
        (SECRET.encode() + b" second", "one secret on one line"),
        (SECRET.encode() + b"\x00", "one secret on one line"),
        (SECRET.encode() + b"\xc3\xa9", "not ASCII"),
        (b"\xef\xbb\xbf" + SECRET.encode(), "not ASCII"),
        (SECRET.encode() * MAX_SECRET_BYTES, "larger than"),
    ],
)
def test_a_file_that_holds_no_single_secret_is_refused_unquoted(
    tmp_path: Path, content: bytes, says: str
) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=says) as caught:
        read_secret(path)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_secret_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing-here: no such file"):
        read_secret(tmp_path / "nothing-here")
    with pytest.raises(ValueError, match="cannot be read: Is a directory"):
        read_secret(tmp_path)
