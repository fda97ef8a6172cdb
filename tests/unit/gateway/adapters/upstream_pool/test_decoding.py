"""Bodies that come encoded although nobody asked for it."""

import zlib

import pytest

from gateway.adapters.upstream_pool.decoding import MOST_BYTES_AT_ONCE, Decoding, NotDecoded


def test_an_end_that_is_missing_is_noticed() -> None:
    encoded = zlib.compress(b"hello" * 100)
    decoding = Decoding("deflate")
    decoding.feed(encoded[:-5])
    with pytest.raises(NotDecoded):
        decoding.finish()
    decoding.feed(encoded[-5:])
    decoding.finish()


def test_a_body_of_nothing_needs_no_encoding() -> None:
    Decoding("deflate").finish()


def test_a_read_swells_to_so_much_and_no_more() -> None:
    bomb = zlib.compress(bytes(MOST_BYTES_AT_ONCE + 1))
    assert len(bomb) < 64 * 1024
    with pytest.raises(NotDecoded):
        Decoding("deflate").feed(bomb)
