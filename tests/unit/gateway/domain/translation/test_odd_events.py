"""Translated streams with what strict parsers refuse in them, as the follower hands them on."""

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.protocols import Protocol
from gateway.domain.streams.following import follower_for
from gateway.domain.translation.contract import Asked, Translation
from gateway.domain.translation.events import Events
from gateway.domain.translation.table import ALL
from tests.unit.gateway.domain.streams.shapes import USED, arguments, gpt, gpt_delta, opening

Body = dict[str, Any]

ASKED = Asked("model", 1_795_350_000, "abc123", body=b"{}")
JUNK = st.sampled_from([b"{not json", b"null", b"[]", b"1", b'"text"', b"nothing", b"\xff", b"{}x"])

every = pytest.mark.parametrize(
    "translation", ALL, ids=lambda each: f"{each.caller.value}-over-{each.upstream.value}"
)


def chat(texts: Sequence[str], call: Sequence[str]) -> list[bytes]:
    chunks = [gpt_delta({"content": text}) for text in texts]
    if call:
        chunks.append(gpt_delta(opening(1, 0)))
    chunks += [gpt_delta(arguments(piece, 0)) for piece in call]
    chunks += [gpt_delta({}, "stop"), gpt([], usage=USED)]
    return [*(data_event(each) for each in chunks), b"data: [DONE]\n\n"]


def messages(texts: Sequence[str], call: Sequence[str]) -> list[bytes]:
    events: list[Body] = [{"type": "message_start", "message": {"usage": {"input_tokens": 1}}}]
    use: Body = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}
    text: Body = {"type": "text", "text": ""}
    blocks = [(text, "text_delta", "text", texts)]
    blocks += [(use, "input_json_delta", "partial_json", call)] if call else []
    for index, (block, kind, name, pieces) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        for piece in pieces:
            delta = {"type": kind, name: piece}
            events.append({"type": "content_block_delta", "index": index, "delta": delta})
        events.append({"type": "content_block_stop", "index": index})
    delta = {"stop_reason": "end_turn"}
    events.append({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 2}})
    return [named_event(each) for each in [*events, {"type": "message_stop"}]]


def responses(texts: Sequence[str], call: Sequence[str]) -> list[bytes]:
    message = {"type": "message", "id": "msg", "role": "assistant"}
    called = {"type": "function_call", "call_id": "call_1", "name": "get_weather"}
    items = [(message, "response.output_text.delta", texts)]
    items += [(called, "response.function_call_arguments.delta", call)] if call else []
    events: list[Body] = [{"type": "response.created", "response": {"id": "r"}}]
    for index, (item, kind, pieces) in enumerate(items):
        place = {"output_index": index}
        events.append({"type": "response.output_item.added", **place, "item": item})
        events += [{"type": kind, **place, "content_index": 0, "delta": each} for each in pieces]
        events.append({"type": "response.output_item.done", **place, "item": item})
    end = {"id": "r", "status": "completed", "usage": {"input_tokens": 1, "output_tokens": 2}}
    events.append({"type": "response.completed", "response": end})
    return [named_event(each) for each in events]


UPSTREAM = {Protocol.CHAT: chat, Protocol.MESSAGES: messages, Protocol.RESPONSES: responses}


def data_event(body: Body) -> bytes:
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def named_event(body: Body) -> bytes:
    return f"event: {body['type']}\n".encode() + data_event(body)


def through(translation: Translation, events: Sequence[bytes]) -> bytes:
    """What a caller gets of a stream that is complete."""
    follower = follower_for(translation.upstream, created=1, model="m")
    translator = translation.stream(ASKED)
    written = b"".join(translator.feed(follower.feed(each)) for each in events)
    written += translator.feed(follower.finish())
    assert follower.is_complete
    return written + translator.finish()


def told(stream: bytes) -> tuple[str, str]:
    """The text and the arguments that a caller's deltas come to, in any protocol."""
    text = called = ""
    for line in stream.decode().splitlines():
        if not line.startswith("data: {"):
            continue
        body = json.loads(line.removeprefix("data: "))
        delta = body.get("delta")
        if isinstance(delta, str):
            text += delta if body["type"] == "response.output_text.delta" else ""
            called += delta if body["type"] == "response.function_call_arguments.delta" else ""
        elif delta:
            text += delta.get("text", "")
            called += delta.get("partial_json", "")
        for choice in body.get("choices") or ():
            text += choice["delta"].get("content") or ""
            for call in choice["delta"].get("tool_calls") or ():
                called += call["function"]["arguments"]
    return text, called


TEXTS = ("Hel", "lo ✓ ", "wörld")
CALL = ('{"city":', ' "Zürich"', "}")


@every
@given(data=st.data())
def test_what_is_no_json_object_changes_nothing(translation: Translation, data: Any) -> None:
    events = UPSTREAM[translation.upstream](TEXTS, CALL)
    with_junk = list(events)
    for junk in data.draw(st.lists(JUNK, max_size=4)):
        # A Responses stream is over with its last event, and so is what comes behind it.
        place = data.draw(st.integers(0, len(with_junk) - 1))
        with_junk.insert(place, b"data: " + junk + b"\n\n")
    assert through(translation, with_junk) == through(translation, events)


@every
def test_the_reader_hears_all_of_it(translation: Translation) -> None:
    events = UPSTREAM[translation.upstream](TEXTS, CALL)
    assert told(through(translation, events)) == ("".join(TEXTS), "".join(CALL))


halves = st.lists(st.sampled_from(["a", "😀", "🦊", "é", "\U0010ffff"]), min_size=1, max_size=6)


def in_units(text: str) -> list[str]:
    """The text cut in UTF-16's units, so that every emoji is cut in two."""
    encoded = text.encode("utf-16-le")
    units = [encoded[at : at + 2] for at in range(0, len(encoded), 2)]
    return [unit.decode("utf-16-le", "surrogatepass") for unit in units]


def cut(draw: Any, text: str) -> list[str]:
    """The text cut anywhere, in the middle of an emoji as well."""
    pieces = [""]
    for unit in in_units(text):
        if draw(st.booleans()):
            pieces.append("")
        pieces[-1] += unit
    return [piece for piece in pieces if piece]


@every
@given(data=st.data(), words=halves, called=halves)
def test_an_emoji_that_is_split_over_deltas_is_whole(
    translation: Translation, data: Any, words: list[str], called: list[str]
) -> None:
    text, argument = "".join(words), json.dumps("".join(called), ensure_ascii=False)
    texts, call = cut(data.draw, text), cut(data.draw, argument)
    stream = through(translation, UPSTREAM[translation.upstream](texts, call))
    assert told(stream) == (text, argument)


@every
@given(st.lists(st.text(st.sampled_from("ab\ud83d\ude00\udbff"), min_size=1)))
def test_halves_alone_break_nothing(translation: Translation, texts: list[str]) -> None:
    stream = through(translation, UPSTREAM[translation.upstream](texts, CALL))
    assert told(stream) == (joined("".join(texts)), "".join(CALL))


def joined(text: str) -> str:
    """Halves that follow each other as one; the others as U+FFFD, and none of it at the end."""
    text = re.sub("[\ud800-\udbff]$", "", text)
    pair = re.compile("[\ud800-\udbff][\udc00-\udfff]")
    text = pair.sub(lambda it: it[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


@every
def test_a_stream_of_nothing_but_junk_is_none(translation: Translation) -> None:
    translator = translation.stream(ASKED)
    assert translator.feed(b"data: <html>\n\n") == b""
    with pytest.raises(GatewayError) as caught:
        translator.finish()
    assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER


@every
def test_an_object_of_another_form_is_upstreams_fault(translation: Translation) -> None:
    for odd in (b'{"type":5,"choices":5}', b'{"type":5,"choices":5,"x":"\\ud83d"}'):
        with pytest.raises(GatewayError) as caught:
            translation.stream(ASKED).feed(b"data: " + odd + b"\n\n")
        assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER


@every
def test_an_object_that_is_nested_too_deeply_is_upstreams_fault(translation: Translation) -> None:
    deep = b'{"x":' * 100_000 + b"1" + b"}" * 100_000
    with pytest.raises(GatewayError) as caught:
        translation.stream(ASKED).feed(b"data: " + deep + b"\n\n")
    assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER


@every
def test_a_text_that_is_no_utf_8_is_said_once(translation: Translation) -> None:
    events = UPSTREAM[translation.upstream](["odd"], ())
    stream = through(translation, [each.replace(b"odd", b"od\xff") for each in events])
    assert told(stream)[0] == "od\ufffd"


@pytest.mark.parametrize(
    "translation", [each for each in ALL if each.upstream is Protocol.MESSAGES]
)
def test_a_calls_arguments_that_are_no_utf_8_are_there(translation: Translation) -> None:
    """Some back-ends send them at once, as the block begins."""
    events = [each.replace(b'"input": {}', b'"input": {"a":"\xff"}') for each in messages((), [""])]
    assert told(through(translation, events))[1] == '{"a":"\ufffd"}'


@every
def test_half_a_character_in_the_first_event_changes_nothing(translation: Translation) -> None:
    events = UPSTREAM[translation.upstream](TEXTS, CALL)
    odd = [events[0].replace(b"}\n\n", b',"x":"\\ud83d."}\n\n'), *events[1:]]
    assert through(translation, odd) == through(translation, events)


def test_what_is_read_at_once_is_taken_as_it_is() -> None:
    data = b'{"a":  1.50}'
    assert Events().each(b"data: " + data + b"\n\n", lambda taken: taken) == data
