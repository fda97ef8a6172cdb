"""The KeyEvents port: what happened to keys, as log lines and metrics. Knows no key."""

import logging

from prometheus_client import CollectorRegistry, Gauge

from runtime.logs import fields

log = logging.getLogger("gateway")


class LoggedKeys:
    """Says when the database comes and goes, once each. registry: where the metrics belong."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._is_stale = False
        self._known = Gauge(
            "gateway_keys",
            "API keys that are known: those of the configuration, and those of the database.",
            ("source",),
            registry=registry,
        )
        self._up = Gauge(
            "gateway_keys_up",
            "0 while keys cannot be read from the database; those that are known go on.",
            registry=registry,
        )
        # Nothing is wrong before anything was tried.
        self._up.set(1)
        self._known.labels("database").set(0)

    def keys_configured(self, count: int) -> None:
        """See ports.keys.KeyEvents."""
        self._known.labels("configuration").set(count)

    def keys_read(self, changed: int, usable: int, revoked: int) -> None:
        """See ports.keys.KeyEvents."""
        self._known.labels("database").set(usable)
        log.info("keys read", extra=fields(changed=changed, usable=usable, revoked=revoked))

    def keys_stale(self, reason: str) -> None:
        """See ports.keys.KeyEvents."""
        self._up.set(0)
        if not self._is_stale:
            self._is_stale = True
            log.warning("keys cannot be read; those known go on", extra=fields(reason=reason))

    def keys_fresh(self) -> None:
        """See ports.keys.KeyEvents."""
        self._up.set(1)
        if self._is_stale:
            self._is_stale = False
            log.info("keys can be read again")

    def key_shadowed(self, key_id: str) -> None:
        """See ports.keys.KeyEvents."""
        text = "a key in the database has the id of one in the configuration, and does not count"
        log.warning(text, extra=fields(key=key_id))
