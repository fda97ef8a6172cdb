"""HTML that comes where JSON was expected.

The recorded error page is 54 kB (§7.2); these are short and invented.
"""


def unicorn_page() -> str:
    """A page in the manner of the "Unicorn!" one, for 500, 502 and 504."""
    return (
        "<!DOCTYPE html>\n<html>\n"
        "<head><title>Unicorn! &middot; GitHub (simulated)</title></head>\n"
        "<body>\n<h1>No server is currently available (simulated)</h1>\n"
        "<p>This page was made by copilot-simulator. Nothing here is real.</p>\n"
        "</body>\n</html>\n"
    )


def gateway_timeout_page() -> str:
    """What a proxy in front answers when nobody is behind it."""
    return (
        "<html>\n<head><title>504 Gateway Time-out</title></head>\n"
        "<body><center><h1>504 Gateway Time-out</h1></center><hr>"
        "<center>copilot-simulator</center></body>\n</html>\n"
    )
