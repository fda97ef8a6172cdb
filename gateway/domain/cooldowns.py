"""What is set aside at the moment, and until when: this replica's findings and the board's notices.

A finding of ours counts at once, and stays until the board, on which it was posted, shows it:
from then on the board's word is the only one, so that what somebody else takes down is gone here
too. Times are monotonic seconds of this process. Chooses nothing and tells nobody.
"""

from collections.abc import Mapping
from heapq import nsmallest
from math import inf
from typing import NamedTuple, Protocol

from gateway.domain.errors import Fault
from gateway.domain.subjects import Kind, Subject

PAUSED = "paused"
"""The word of a notice that an operator put up; any other is a Fault's."""
MAX_ENTRIES = 10_000
"""Callers name models, and so could make up any number of them."""
DROPPED_AT_ONCE = MAX_ENTRIES // 10
SAME_END_SECONDS = 1.0
"""How far our end and the board's may differ, which travelled there and back as a duration."""


class SetAside(NamedTuple):
    """Why, and until when; None until somebody takes it down."""

    fault: Fault
    until: float | None

    @property
    def end(self) -> float:
        """The end as a number."""
        return inf if self.until is None else self.until


class Notice(Protocol):
    """What the board says of a subject."""

    @property
    def seconds(self) -> float | None:
        """For how long from now; None until it is taken down."""

    @property
    def word(self) -> str:
        """A Fault's value, or PAUSED."""


class _Index:
    """What is set aside, by what a request asks for; asked about each account that is looked at."""

    __slots__ = ("accounts", "clients", "groups", "models", "seat_models")

    def __init__(self) -> None:
        self.accounts: dict[str, SetAside] = {}
        self.seat_models: dict[str, dict[str, SetAside]] = {}
        """By account, then by model."""
        self.groups: dict[str, SetAside] = {}
        self.models: dict[str, SetAside] = {}
        self.clients: dict[str, SetAside] = {}

    def put(self, subject: Subject, one: SetAside) -> None:
        """Of two about one subject the later end counts; if they end together, the first."""
        by_name, name = self._where(subject)
        known = by_name.get(name)
        if known is None or known.end < one.end:
            by_name[name] = one

    def drop(self, subject: Subject) -> None:
        """It is used again."""
        by_name, name = self._where(subject)
        by_name.pop(name, None)
        if not by_name and subject.kind is Kind.SEAT_MODEL:
            del self.seat_models[subject.id]

    def concerns(self, account: str, model: str, group: str, platform: str) -> bool:
        """Whether anything stands against a request, ended or not; mostly nothing does."""
        return (
            account in self.accounts
            or account in self.seat_models
            or group in self.groups
            or model in self.models
            or platform in self.clients
        )

    def reasons(self, account: str, model: str, group: str, platform: str) -> list[SetAside]:
        """All that does."""
        found = (
            self.accounts.get(account),
            self.seat_models.get(account, {}).get(model),
            self.groups.get(group),
            self.models.get(model),
            self.clients.get(platform),
        )
        return [each for each in found if each is not None]

    def _where(self, subject: Subject) -> tuple[dict[str, SetAside], str]:
        if subject.kind is Kind.SEAT_MODEL:
            return self.seat_models.setdefault(subject.id, {}), subject.model
        if subject.kind is Kind.ACCOUNT:
            return self.accounts, subject.id
        if subject.kind is Kind.GROUP:
            return self.groups, subject.id
        return self.models if subject.kind is Kind.MODEL else self.clients, subject.id


class Cooldowns:
    """Subjects that may not be used for a while."""

    def __init__(self) -> None:
        self._ours: dict[Subject, SetAside] = {}
        self._board: dict[Subject, SetAside] = {}
        self._index = _Index()
        """Both, as requests look for it."""

    def cool(self, subject: Subject, until: float, fault: Fault) -> None:
        """Set a subject aside. Of two ends the later one counts."""
        known = self._ours.get(subject)
        if known is not None and known.end >= until:
            return
        if known is None and len(self._ours) >= MAX_ENTRIES:
            self._ours = _without_the_first_to_end(self._ours, DROPPED_AT_ONCE)
            self._reindex()
        self._ours[subject] = ours = SetAside(fault, until)
        self._index.put(subject, ours)

    def lift(self, subject: Subject) -> None:
        """Use it again."""
        self._ours.pop(subject, None)
        self._board.pop(subject, None)
        self._index.drop(subject)

    def replace(self, board: Mapping[Subject, Notice], now: float) -> None:
        """The board, whole, as it is now."""
        heard = {subject: _read(notice, now) for subject, notice in board.items()}
        self._board = _without_the_first_to_end(heard, len(heard) - MAX_ENTRIES)
        self._ours = {
            subject: ours
            for subject, ours in self._ours.items()
            if ours.end > now and not _says(heard.get(subject), ours)
        }
        self._reindex()

    def concern(self, account: str, model: str, group: str, platform: str) -> bool:
        """Whether `why_not` has to be asked: no time is needed to see that nothing is set aside."""
        return self._index.concerns(account, model, group, platform)

    def why_not(
        self, account: str, model: str, group: str, platform: str, now: float
    ) -> SetAside | None:
        """Why an account may not serve this; None when it may.

        Of several reasons the one that ends last: before that nothing is gained by asking again.
        """
        last: SetAside | None = None
        for reason in self._index.reasons(account, model, group, platform):
            if reason.end > now and (last is None or reason.end > last.end):
                last = reason
        return last

    def active(self, now: float) -> dict[Subject, SetAside]:
        """All that is set aside. What has ended is forgotten."""
        self._ours = {subject: one for subject, one in self._ours.items() if one.end > now}
        self._board = {subject: one for subject, one in self._board.items() if one.end > now}
        self._reindex()
        found = dict(self._board)
        for subject, ours in self._ours.items():
            if subject not in found or found[subject].end < ours.end:
                found[subject] = ours
        return found

    def _reindex(self) -> None:
        self._index = _Index()
        for known in (self._ours, self._board):
            for subject, one in known.items():
                self._index.put(subject, one)


def _read(notice: Notice, now: float) -> SetAside:
    until = None if notice.seconds is None else now + notice.seconds
    return SetAside(_fault_of(notice.word), until)


def _fault_of(word: str) -> Fault:
    if word == PAUSED:
        return Fault.POLICY_PAUSED
    try:
        return Fault(word)
    except ValueError:
        # A newer replica's reason: the account is set aside all the same.
        return Fault.SEAT_UNAVAILABLE


def _says(heard: SetAside | None, ours: SetAside) -> bool:
    """Whether the board knows what we know; an older and shorter notice is not it."""
    return heard is not None and heard.end >= ours.end - SAME_END_SECONDS


def _without_the_first_to_end(
    entries: dict[Subject, SetAside], count: int
) -> dict[Subject, SetAside]:
    """Without so many of the models that callers named: those that have ended, then the next to.

    All other subjects come from the configuration, which bounds them.
    """
    if count <= 0:
        return entries
    named = (subject for subject in entries if subject.kind is Kind.SEAT_MODEL)
    gone = set(nsmallest(count, named, key=lambda subject: entries[subject].end))
    return {subject: one for subject, one in entries.items() if subject not in gone}
