"""JSON that msgspec refuses and clients read."""

import msgspec
import pytest

from gateway.domain.lenient_json import read, strict


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (rb'{"a":"x\ud83d"}', {"a": "x\ufffd"}),
        (rb'{"a":"\ude00x"}', {"a": "\ufffdx"}),
        (rb'{"a":"\ude00\ud83d"}', {"a": "\ufffd\ufffd"}),
        (rb'{"\ud83d":1}', {"\ufffd": 1}),
        (rb'{"a":"\ud83d\ude00"}', {"a": "\U0001f600"}),
        (rb'{"a":"\\ud83d"}', {"a": r"\ud83d"}),
        (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
        (b'{"a":"\xff"}', {"a": "\ufffd"}),
        (b'{"a":NaN,"b":-Infinity,"c":1e999}', {"a": None, "b": None, "c": None}),
        (b'{"a":1,"a":2}', {"a": 2}),
        (b'[1.5,"\xc3\xa4"]', [1.5, "ä"]),
    ],
)
def test_what_clients_read_is_read_and_can_be_said_again(said: bytes, meant: object) -> None:
    assert read(said) == meant
    assert msgspec.json.decode(strict(said) or b"") == meant


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"no",
        b"<html></html>",
        b'{"a":1',
        b'{"a":1} x',
        b'{"a":"\x01"}',
        b'data: {"a":1}\n\n',
        b'{"a":' + b"9" * 5_000 + b"}",
    ],
    ids=lambda said: repr(said[:20]),
)
def test_what_is_no_json_is_none(said: bytes) -> None:
    assert strict(said) is None
    assert read(said) is None


def test_nesting_beyond_the_parser_is_none() -> None:
    depth = 100_000
    assert read(b"[" * depth + b"]" * depth) is None


def test_what_is_read_at_all_can_be_decoded() -> None:
    """No depth may be read by one parser and refused by the other."""
    for depth in range(800, 1_100, 7):
        document = strict(b"[" * depth + b"]" * depth)
        assert document is None or read(document) is not None
