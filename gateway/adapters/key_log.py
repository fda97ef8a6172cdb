"""The KeyEvents port: what happened to keys of the database, as log lines. Knows no key."""

import logging

from runtime.logs import fields

log = logging.getLogger("gateway")


class LoggedKeys:
    """Says when the database comes and goes, once each."""

    def __init__(self) -> None:
        self._is_stale = False

    def keys_read(self, changed: int, known: int) -> None:
        """See ports.KeyEvents."""
        log.info("keys read", extra=fields(changed=changed, known=known))

    def keys_stale(self, reason: str) -> None:
        """See ports.KeyEvents."""
        if not self._is_stale:
            self._is_stale = True
            log.warning("keys cannot be read; those known go on", extra=fields(reason=reason))

    def keys_fresh(self) -> None:
        """See ports.KeyEvents."""
        if self._is_stale:
            self._is_stale = False
            log.info("keys can be read again")

    def key_shadowed(self, key_id: str) -> None:
        """See ports.KeyEvents."""
        text = "a key in the database has the id of one in the configuration, and does not count"
        log.warning(text, extra=fields(key=key_id))
