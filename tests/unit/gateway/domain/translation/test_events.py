"""Events in and out: what they hold, and how they are written."""

from gateway.domain.translation.events import data_in, event, named


def test_the_data_of_each_event_in_order() -> None:
    events = b': comment\n\ndata: {"a":1}\n\nevent: b\r\ndata:{"b":2}\r\n\r\ndata: \n\nid: 1\n\n'
    assert list(data_in(events)) == [b'{"a":1}', b'{"b":2}']


def test_an_event_is_one_line_of_data_whatever_is_in_it() -> None:
    assert event({"text": "a\n\nb"}) == b'data: {"text":"a\\n\\nb"}\n\n'


def test_an_event_is_named_as_its_type() -> None:
    assert named({"type": "ping"}) == b'event: ping\ndata: {"type":"ping"}\n\n'


def test_the_end_of_a_chat_stream_says_nothing() -> None:
    assert list(data_in(b"data: [DONE]\n\ndata:  [DONE] \n\n")) == []
