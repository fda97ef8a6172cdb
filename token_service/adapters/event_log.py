"""Events as log lines, each passed on to the next listener first.

A line names accounts, outcomes and durations; no event carries a credential, and of a token
only what is written out here gets into a line. Bugs are logged by type and place: the text of
an unexpected exception may hold a value.
"""

import logging
import re
import traceback
from collections.abc import Collection, Sequence
from typing import Protocol

from runtime.logs import fields
from token_service.domain.callers import Refusal
from token_service.domain.failures import MOST_STRIKES, Failure
from token_service.domain.quotas import Allowance, Outcome, Reading
from token_service.domain.records import RecordRefusal
from token_service.domain.tokens import AccountChanges, AccountId, CopilotToken
from token_service.ports.calls import CallerEvents, RpcEvents
from token_service.ports.configuration import ConfigurationEvents
from token_service.ports.quotas import QuotaEvents
from token_service.ports.tokens import BrokerEvents, Source, StoreEvents

log = logging.getLogger("token_service")
PLACES = 8
LONGEST_WORDS = 100
LONGEST_WORD = 24
MOST_NAMES = 20
LASTING = frozenset({Outcome.REFUSED, Outcome.UNREADABLE})
_NO_WORD = re.compile(r"[^A-Za-z0-9_.,:/()-]+")


class Events(
    BrokerEvents, QuotaEvents, RpcEvents, StoreEvents, CallerEvents, ConfigurationEvents, Protocol
):
    """Everything the service reports."""


class LoggedEvents:
    """Logs what an operator wants to read, and passes everything on."""

    def __init__(self, listener: Events) -> None:
        self._next = listener
        self._problems: tuple[str, ...] = ()

    def served(self, account: AccountId, source: Source) -> None:
        self._next.served(account, source)

    def followed(self) -> None:
        self._next.followed()

    def exchanged(self, token: CopilotToken, seconds: float) -> None:
        self._next.exchanged(token, seconds)
        log.info(
            "token obtained",
            extra=fields(
                account=token.account,
                strategy=token.strategy.value,
                token_id=token.token_id,
                generation=token.generation,
                expires_in=round(token.life, 1),
                refresh_in=round(token.refresh_after, 1),
                api_base_url=token.api_base_url,
                seconds=round(seconds, 3),
            ),
        )

    def failed(self, account: AccountId, failure: Failure, seconds: float, living: bool) -> None:
        self._next.failed(account, failure, seconds, living)
        error = failure.error
        log.log(
            logging.ERROR if failure.is_permanent else logging.WARNING,
            "token not obtained",
            extra=fields(
                account=account,
                reason=error.reason.value,
                explanation=error.message,
                detail=error.detail or None,
                notification_id=error.metadata.get("notification_id"),
                attempts=failure.attempts,
                old_token_works=living,
                seconds=round(seconds, 3),
            ),
        )

    def attempt_crashed(self, account: AccountId, error: Exception) -> None:
        self._next.attempt_crashed(account, error)
        log.error("bug while obtaining a token", extra=fields(account=account, **_bug(error)))

    def superseded(self, account: AccountId, seconds: float) -> None:
        self._next.superseded(account, seconds)
        log.warning(
            "token obtained too late: another replica's is newer",
            extra=fields(account=account, seconds=round(seconds, 3)),
        )

    def took_over(self, account: AccountId) -> None:
        self._next.took_over(account)
        log.warning("another replica vanished while it renewed", extra=fields(account=account))

    def rejected_upstream(
        self, account: AccountId, token_id: str, reason: str, strikes: int
    ) -> None:
        self._next.rejected_upstream(account, token_id, reason, strikes)
        log.log(
            logging.ERROR if strikes >= MOST_STRIKES else logging.WARNING,
            "token refused by upstream",
            extra=fields(
                account=account, token_id=token_id, said=words(reason), tokens_in_a_row=strikes
            ),
        )

    def quotas_polled(self, account: AccountId, reading: Reading) -> None:
        self._next.quotas_polled(account, reading)
        if isinstance(reading, Allowance):
            log.debug(
                "quotas read",
                extra=fields(
                    account=account, plan=reading.plan, counts_credits=reading.counts_credits
                ),
            )
            return
        log.log(
            # What GitHub refuses a person has to look at; the rest passes, and costs no token.
            logging.WARNING if reading.outcome in LASTING else logging.INFO,
            "quotas not read",
            extra=fields(
                account=account, outcome=reading.outcome.value, retry_after=reading.retry_after
            ),
        )

    def quotas_left(self, account: AccountId) -> None:
        self._next.quotas_left(account)

    def quota_poll_crashed(self, account: AccountId, error: Exception) -> None:
        self._next.quota_poll_crashed(account, error)
        log.error("bug while reading quotas", extra=fields(account=account, **_bug(error)))

    def store_up(self, server: str) -> None:
        self._next.store_up(server)
        log.info("store up", extra=fields(server=server))

    def store_down(self, explanation: str) -> None:
        self._next.store_down(explanation)
        log.error("store down: on with this process alone", extra=fields(explanation=explanation))

    def store_evicts(self, policy: str) -> None:
        self._next.store_evicts(policy)
        log.error(
            "store refused: it drops keys when its memory is full; set noeviction",
            extra=fields(maxmemory_policy=policy),
        )

    def record_refused(self, account: AccountId, why: RecordRefusal) -> None:
        self._next.record_refused(account, why)
        log.log(
            logging.ERROR if why is RecordRefusal.FORGED else logging.WARNING,
            "record in the store not used",
            extra=fields(account=account, reason=why.value),
        )

    def call_crashed(self, method: str, error: Exception) -> None:
        self._next.call_crashed(method, error)
        log.error("bug while answering a call", extra=fields(method=method, **_bug(error)))

    def caller_refused(self, why: Refusal) -> None:
        """The audit stream has the line."""
        self._next.caller_refused(why)

    def certificates_loaded(self, expires_at: float) -> None:
        self._next.certificates_loaded(expires_at)
        log.info("certificate loaded", extra=fields(expires_at=int(expires_at)))

    def certificates_refused(self, explanation: str) -> None:
        self._next.certificates_refused(explanation)
        log.error(
            "certificate files cannot be used; the old ones are kept",
            extra=fields(explanation=explanation),
        )

    def issuer_answered(self, keys: int) -> None:
        self._next.issuer_answered(keys)
        log.debug("keys of callers' tokens read", extra=fields(keys=keys))

    def issuer_failed(self, explanation: str) -> None:
        self._next.issuer_failed(explanation)
        log.warning("callers' tokens cannot be checked", extra=fields(explanation=explanation))

    def reloaded(self, changes: AccountChanges, accounts: Collection[AccountId]) -> None:
        self._next.reloaded(changes, accounts)
        self._problems = ()
        log.info(
            "configuration read again",
            extra=fields(
                accounts=len(accounts),
                added=_some(changes.added),
                removed=_some(changes.removed),
                changed=_some(changes.changed),
            ),
        )

    def reload_refused(self, problems: Sequence[str]) -> None:
        self._next.reload_refused(problems)
        # As long as they stay the same, saying them once is enough; the metric counts on.
        if tuple(problems) != self._problems:
            for problem in problems:
                log.error("configuration refused", extra=fields(problem=problem))
        self._problems = tuple(problems)

    def reload_crashed(self, error: Exception) -> None:
        self._next.reload_crashed(error)
        log.error("bug while reading the configuration again", extra=fields(**_bug(error)))

    def restart_needed(self, settings: Sequence[str]) -> None:
        self._next.restart_needed(settings)
        log.warning(
            "changed, but only a restart takes it over", extra=fields(settings=_some(settings))
        )


def _some(names: Sequence[str]) -> str | None:
    """Up to MOST_NAMES names, and how many more there are; None for none."""
    left = len(names) - MOST_NAMES
    text = ", ".join(names[:MOST_NAMES])
    return (f"{text} and {left} more" if left > 0 else text) or None


def words(text: str) -> str:
    """A caller's few words, fit for a line: no token is that short or that plain."""
    plain = _NO_WORD.sub(" ", text[: LONGEST_WORDS * 2])
    return " ".join(part for part in plain.split() if len(part) <= LONGEST_WORD)[:LONGEST_WORDS]


def _bug(error: Exception) -> dict[str, str]:
    frames = traceback.extract_tb(error.__traceback__)[-PLACES:]
    places = " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
    return {"error": type(error).__name__, "places": places}
