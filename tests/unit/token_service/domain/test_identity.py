"""Which headers say who is asking."""

from token_service.domain.identity import (
    ClientIdentity,
    direct_headers,
    editor_headers,
    exchange_request_headers,
)

OURS = ClientIdentity(product="copilot-gateway/1", api_version="2025-04-01")
CONFIGURED = ClientIdentity(
    product="copilot-gateway/1",
    api_version="2025-05-01",
    user_agent="acme/2",
    editor_version="acme-editor/3",
    editor_plugin_version="acme-plugin/4",
    integration_id="acme",
)


def test_the_default_identity_is_our_own() -> None:
    assert editor_headers(OURS) == {
        "User-Agent": "copilot-gateway/1",
        "Editor-Version": "copilot-gateway/1",
        "Editor-Plugin-Version": "copilot-gateway/1",
        "X-GitHub-Api-Version": "2025-04-01",
    }


def test_a_configured_identity_is_used() -> None:
    assert editor_headers(CONFIGURED) == {
        "User-Agent": "acme/2",
        "Editor-Version": "acme-editor/3",
        "Editor-Plugin-Version": "acme-plugin/4",
        "X-GitHub-Api-Version": "2025-05-01",
        "Copilot-Integration-Id": "acme",
    }


def test_direct_sends_no_editor_unless_configured() -> None:
    """copilot-upstream.md §2.5."""
    assert direct_headers(OURS) == {
        "User-Agent": "copilot-gateway/1",
        "X-GitHub-Api-Version": "2025-04-01",
    }
    assert direct_headers(CONFIGURED) == editor_headers(CONFIGURED)


def test_the_exchange_carries_the_credential() -> None:
    headers = exchange_request_headers(OURS, "ghu_test")

    assert headers["Authorization"] == "token ghu_test"
    assert headers["Accept"] == "application/json"
