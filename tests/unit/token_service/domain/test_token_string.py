"""The text of a Copilot token (copilot-upstream.md §3.3)."""

from hypothesis import given
from hypothesis import strategies as st

from token_service.domain import token_string

TEXT = "tid=0f;ol=a,b;exp=1795354200;sku=plus;proxy-ep=proxy.business.githubcopilot.com;8kp=1:exp=1"


def test_fields_before_the_signature() -> None:
    parsed = token_string.fields(TEXT)

    assert parsed["proxy-ep"] == "proxy.business.githubcopilot.com"
    assert parsed["sku"] == "plus"
    assert token_string.expiry(TEXT) == 1795354200


def test_a_token_of_another_layout_has_no_fields() -> None:
    assert token_string.fields("opaque") == {}
    assert token_string.expiry("exp=soon:") is None


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    expiry = token_string.expiry(text)

    assert expiry is None or expiry >= 0
