"""Addresses of pods: loopback ones, since all pods share this machine's network."""

import re

WILDCARD = re.compile(r"(?<![0-9.])0\.0\.0\.0(?![0-9./])|\[::\]")


def on_its_own_address(text: str, ip: str) -> str:
    """`All addresses`, in a configuration or an argument, are the pod's one address.

    Otherwise the first pod would have the port of them all.
    """
    return WILDCARD.sub(ip, text)
