"""How many wrong keys an address may show, from what it has shown and the time.

Two token buckets for each address. One counts keys: a wrong key that is shown again is no guess
and takes nothing of it, so that a caller with one outdated key is told so for as long as it asks.
The other counts showings, far more of them: whoever asks without a pause is told to wait, with
whatever key. Knows no key, only the start of its digest, and no clock.
"""

from typing import NamedTuple

KEYS_AT_ONCE = 30.0
KEYS_PER_SECOND = 10 / 60
SHOWINGS_AT_ONCE = 60.0
SHOWINGS_PER_SECOND = 1.0
MOST_REMEMBERED = 8
"""Wrong keys of an address that cost nothing more. They are forgotten when its buckets are full
again, which is three minutes after the last of 30 guesses."""
DIGEST_CHARACTERS = 16
"""Enough to tell an address's keys apart: 64 bits."""


class Suspect(NamedTuple):
    """An address that has shown wrong keys, as it was at monotonic second `at`."""

    keys_left: float
    showings_left: float
    remembered: tuple[str, ...]
    """The starts of the digests of the wrong keys it has shown last."""
    at: float


class Judgement(NamedTuple):
    """What became of it. seconds: how long to wait before the next one; 0 where it may go on."""

    suspect: Suspect
    seconds: float


def judge(known: Suspect | None, digest: str, now: float) -> Judgement:
    """A wrong key was shown at monotonic second `now`. known: None for an address without any.

    What has to wait takes nothing: whoever keeps asking is let on at the rate.
    """
    suspect = filled(known, now)
    start = digest[:DIGEST_CHARACTERS]
    is_new = start not in suspect.remembered
    seconds = max(
        _wait(suspect.showings_left, SHOWINGS_PER_SECOND),
        _wait(suspect.keys_left, KEYS_PER_SECOND) if is_new else 0.0,
    )
    if seconds:
        return Judgement(suspect, seconds)
    keys, showings, remembered, at = suspect
    if is_new:
        keys, remembered = keys - 1, (*remembered, start)[-MOST_REMEMBERED:]
    return Judgement(Suspect(keys, showings - 1, remembered, at), 0.0)


def filled(known: Suspect | None, now: float) -> Suspect:
    """The address as it is at `now`; with full buckets it is one that has shown nothing."""
    if known is None:
        return Suspect(KEYS_AT_ONCE, SHOWINGS_AT_ONCE, (), now)
    passed = max(0.0, now - known.at)
    keys = min(KEYS_AT_ONCE, known.keys_left + passed * KEYS_PER_SECOND)
    showings = min(SHOWINGS_AT_ONCE, known.showings_left + passed * SHOWINGS_PER_SECOND)
    is_clean = keys >= KEYS_AT_ONCE and showings >= SHOWINGS_AT_ONCE
    return Suspect(keys, showings, () if is_clean else known.remembered, known.at + passed)


def _wait(left: float, per_second: float) -> float:
    return (1 - left) / per_second if left < 1 else 0.0
