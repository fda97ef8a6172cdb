"""The vision rule of copilot-upstream.md §8.3, for chat."""

import pytest

from gateway.domain.chat import parse
from gateway.domain.vision import has_image

TEXT = '{"type":"text","text":"x"}'
IMAGE = '{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}'


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ('{"role":"user","content":"image_url"}', False),
        (f'{{"role":"user","content":[{TEXT}]}}', False),
        (f'{{"role":"user","content":[{TEXT},{IMAGE}]}}', True),
        ('{"role":"user","content":[{"type":"input_image"}]}', True),
        (f'{{"role":"user","content":[{IMAGE}]}},{{"role":"assistant","content":"y"}}', True),
        (f'{{"role":"tool","tool_call_id":"c","content":[{IMAGE}]}}', True),
        ('{"role":"assistant","tool_calls":[]}', False),
    ],
)
def test_an_image_anywhere_counts(messages: str, expected: bool) -> None:
    """History and tool results included; a word in a text is no image."""
    request = parse(f'{{"model":"m","messages":[{messages}]}}'.encode())
    assert has_image(request.messages) is expected
