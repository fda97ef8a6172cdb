"""What carries Claude's thinking through a Responses conversation comes back as it was."""

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.translation.responses_over_messages import sealed


@settings(max_examples=50)
@given(st.text(max_size=50), st.text(min_size=1, max_size=50))
def test_a_signed_block_comes_back(thinking: str, signature: str) -> None:
    carried = sealed.of_thinking(thinking, signature)
    assert sealed.is_marked(carried)
    assert carried.isascii()
    assert sealed.block_of(carried) == {
        "type": "thinking",
        "thinking": thinking,
        "signature": signature,
    }


@settings(max_examples=50)
@given(st.text(min_size=1, max_size=50))
def test_a_redacted_block_comes_back(data: str) -> None:
    carried = sealed.of_redacted(data)
    assert sealed.block_of(carried) == {"type": "redacted_thinking", "data": data}


def test_what_is_not_signed_is_not_carried() -> None:
    assert sealed.of_thinking("Hm.", "") == sealed.of_redacted("") == ""


@settings(max_examples=50)
@given(st.text(max_size=20))
def test_what_was_not_made_here_is_no_block(text: str) -> None:
    assert sealed.block_of(text) is None
    assert sealed.block_of(sealed.MARK + text) is None
