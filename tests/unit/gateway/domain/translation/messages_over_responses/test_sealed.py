"""What carries OpenAI's reasoning through a Messages conversation is known again and never lost."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.translation.messages_over_responses import sealed
from gateway.domain.translation.responses_over_messages import sealed as of_claude


@settings(max_examples=50)
@given(st.text(max_size=20), st.text(min_size=1, max_size=50))
def test_what_was_carried_comes_back_as_it_was(summary: str, encrypted: str) -> None:
    signature = sealed.signature_of(encrypted)
    assert sealed.is_marked(signature)
    assert sealed.item_of(summary, signature) == {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": summary}] if summary else [],
        "encrypted_content": encrypted,
    }


@pytest.mark.parametrize("encrypted", [None, ""])
def test_without_encrypted_content_there_is_no_signature(encrypted: str | None) -> None:
    assert sealed.signature_of(encrypted) == ""


@settings(max_examples=50)
@given(st.text(string.ascii_letters + string.digits + "+/=_-", max_size=50))
def test_nothing_in_base64_is_taken_for_it(text: str) -> None:
    """Anthropic's signatures, and the encrypted content of OpenAI's, are."""
    assert not sealed.is_marked(text)
    assert not of_claude.is_marked(text)
    assert sealed.item_of("Hm.", text) is None


def test_the_two_marks_are_not_taken_for_each_other() -> None:
    assert not sealed.is_marked(of_claude.of_thinking("Hm.", "sig"))
    assert not of_claude.is_marked(sealed.signature_of("gAAA"))


@pytest.mark.parametrize("text", [None, 5, ["responses:"]])
def test_what_is_no_text_is_no_mark(text: object) -> None:
    assert not sealed.is_marked(text)
