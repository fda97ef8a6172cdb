"""Whether a connection is silent, and how long upstream says it keeps one."""

import socket
from math import inf

import pytest

from gateway.adapters.upstream_pool.liveness import Silence, idle_seconds


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("timeout=5", 4.0),
        ("timeout=5, max=1000", 4.0),
        ("max=1000, Timeout=75", 74.0),
        ("timeout=1", 0.5),
        ("timeout=0", 0.0),
        ("max=1000", inf),
        ("timeout=-1", inf),
        ("timeout=soon", inf),
        ("timeout", inf),
        ("", inf),
    ],
)
def test_upstreams_word_for_how_long_it_waits(said: str, seconds: float) -> None:
    assert idle_seconds(said) == seconds


def test_a_connection_that_has_something_to_say_may_be_over() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        silence = Silence(ours.fileno(), may_speak=True)
        assert silence
        assert not silence.is_over()
        theirs.send(b"x")
        assert silence
        assert silence.is_over()
        theirs.close()
        assert not silence
        assert silence.is_over()
