"""Events as log lines and metrics: what an operator wants to read, and everything counted.

A line names ids of the configuration, faults and durations; a model only where upstream named it
a limit. No event carries a key, a token or content. Bugs are logged by type and place: the text
of an unexpected exception may hold a value.
"""

import logging
import traceback
from collections.abc import Sequence

from gateway.adapters.audit_log import AUDIT_LOGGER
from gateway.adapters.prometheus import PrometheusEvents
from gateway.domain.budgets.holder import Holder
from gateway.domain.errors import Fault
from gateway.domain.quotas import Quota
from gateway.domain.subjects import Kind, Subject
from runtime.logs import fields

log = logging.getLogger("gateway")
audit = logging.getLogger(AUDIT_LOGGER)
PLACES = 8
MOST_NAMES = 20
MAX_MODEL_CHARACTERS = 100


class LoggedEvents:
    """Logs, and passes everything on to the metrics."""

    def __init__(self, metrics: PrometheusEvents) -> None:
        self._metrics = metrics
        # In the path of every request, so passed on without a step in between. The access log has
        # a line at a request's end.
        self.request_started = metrics.request_started
        """See ports.events.GatewayEvents."""
        self.request_ended = metrics.request_ended
        """See ports.events.GatewayEvents."""
        self.recorded = metrics.usage.recorded
        """See ports.events.GatewayEvents."""
        self._problems: tuple[str, ...] = ()
        self._is_ledger_up: bool | None = None
        self._is_issuer_up: bool | None = None

    # --- requests and accounts ---

    def waiting(self, group: str, change: int) -> None:
        """See ports.events.GatewayEvents."""
        self._metrics.waiting(group, change)

    def failed_over(self, group: str, account: str, fault: Fault) -> None:
        """See ports.events.GatewayEvents."""
        self._metrics.failed_over(group, account, fault)

    def set_aside(self, subject: Subject, seconds: float, fault: Fault) -> None:
        """See ports.events.GatewayEvents."""
        self._metrics.set_aside(subject, seconds, fault)
        log.warning(
            "set aside",
            extra=fields(
                what=subject.kind.value,
                id=subject.id,
                model=subject.model[:MAX_MODEL_CHARACTERS] or None,
                reason=fault.value,
                seconds=round(seconds, 1),
            ),
        )

    def paused(self, subject: Subject, is_paused: bool) -> None:
        """See ports.events.GatewayEvents."""
        self._metrics.paused(subject, is_paused)
        audit.info(
            "paused" if is_paused else "resumed",
            extra=fields(what=subject.kind.value, id=subject.id[:MAX_MODEL_CHARACTERS]),
        )

    def client_refused(self, platform: str, is_refused: bool) -> None:
        """See ports.events.GatewayEvents."""
        self._metrics.client_refused(platform, is_refused)
        if is_refused:
            log.error(
                "the platform refuses this client: a person has to look",
                extra=fields(what=Kind.CLIENT.value, platform=platform),
            )
        else:
            log.info("the platform serves this client again", extra=fields(platform=platform))

    # --- usage ---

    def over_budget(self, holder: Holder, measure: str, is_shadow: bool) -> None:
        """See ports.events.GatewayEvents. Each refusal is a line of the access log."""
        self._metrics.usage.over_budget(holder, measure, is_shadow)

    def quota_seen(self, account: str, quotas: Sequence[Quota]) -> None:
        """See ports.events.GatewayEvents."""
        self._metrics.quota_seen(account, quotas)

    def shipped(self, count: int) -> None:
        """See ports.usage.ShippingEvents."""
        self._metrics.usage.shipped(count)

    def ledger_up(self) -> None:
        """See ports.usage.ShippingEvents. Said when it changes."""
        if self._is_ledger_up is not True:
            self._is_ledger_up = True
            self._metrics.usage.ledger_is_up(True)
            log.info("usage ledger up")

    def ledger_down(self, reason: str) -> None:
        """See ports.usage.ShippingEvents. Said when it changes."""
        if self._is_ledger_up is not False:
            self._is_ledger_up = False
            self._metrics.usage.ledger_is_up(False)
            log.error("usage ledger down: records wait in the journal", extra=fields(reason=reason))

    def lines_torn(self, count: int) -> None:
        """See ports.usage.ShippingEvents."""
        self._metrics.usage.lines_torn(count)
        log.warning(
            "passed over lines of a usage journal that cannot be read", extra=fields(n=count)
        )

    def journal_trouble(self, reason: str | None) -> None:
        """See ports.usage.ShippingEvents."""
        if reason is None:
            log.info("usage journal: the disk takes lines again")
        else:
            log.error("usage journal: the disk takes no lines", extra=fields(reason=reason))

    def record_dropped(self) -> None:
        """See ports.usage.ShippingEvents. The access log names the request."""
        self._metrics.usage.record_dropped()

    def spilled(self, count: int, left: int) -> None:
        """See ports.usage.ShippingEvents."""
        if count:
            log.warning("usage records went to the shared store", extra=fields(records=count))
        if left:
            log.error(
                "usage records could go nowhere: they are in the journal only; keep its directory",
                extra=fields(records=left),
            )

    # --- the shared store ---

    def store_up(self, server: str) -> None:
        """It answers; server: its kind and version."""
        self._metrics.store_is_up(True)
        log.info("store up", extra=fields(server=server))

    def store_down(self, explanation: str) -> None:
        """It does not; this process goes on alone."""
        self._metrics.store_is_up(False)
        log.error("store down: on with this process alone", extra=fields(explanation=explanation))

    def store_evicts(self, policy: str) -> None:
        """It is set up to drop keys when its memory is full, and therefore not used."""
        log.error(
            "store refused: it drops keys when its memory is full; set noeviction",
            extra=fields(maxmemory_policy=policy),
        )

    # --- the issuer of callers' tokens ---

    def issuer_answered(self, keys: int) -> None:
        """Its keys were read; how many there are. Said when it changes."""
        self._metrics.issuer.answered()
        if self._is_issuer_up is not True:
            self._is_issuer_up = True
            log.info("issuer's keys read", extra=fields(keys=keys))

    def issuer_failed(self, explanation: str) -> None:
        """They could not be read; those that are known serve on. Said when it changes."""
        self._metrics.issuer.failed()
        if self._is_issuer_up is not False:
            self._is_issuer_up = False
            log.error("issuer's keys cannot be read", extra=fields(explanation=explanation))

    # --- the configuration ---

    def reloaded(self, changes: Sequence[str]) -> None:
        """It is in force; changes: what is different, in words."""
        self._problems = ()
        shown = "; ".join(changes[:MOST_NAMES])
        more = f" and {len(changes) - MOST_NAMES} more" if len(changes) > MOST_NAMES else ""
        log.info("configuration read again", extra=fields(changes=shown + more or None))
        # The audit has all of them, in lines that can still be read.
        for start in range(0, len(changes), MOST_NAMES):
            part = "; ".join(changes[start : start + MOST_NAMES])
            audit.info("configuration changed", extra=fields(changes=part))

    def reload_refused(self, problems: Sequence[str]) -> None:
        """It has problems; what was in force stays."""
        self._metrics.reload_refused()
        # Read again every half a minute while it is bad: said once.
        if tuple(problems) != self._problems:
            self._problems = tuple(problems)
            for problem in problems:
                log.error("configuration refused", extra=fields(problem=problem))

    def reload_crashed(self, error: Exception) -> None:
        """Reading it met a bug; what was in force stays."""
        self._metrics.reload_refused()
        frames = traceback.extract_tb(error.__traceback__)[-PLACES:]
        where = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))
        log.error(
            "bug while reading the configuration",
            extra=fields(kind=type(error).__name__, where=where),
        )

    def restart_needed(self, settings: Sequence[str]) -> None:
        """These settings have changed, and only a restart would take them over."""
        log.warning(
            "changed, but only a restart takes it over",
            extra=fields(settings=", ".join(settings)),
        )
