"""The metrics of the issuer of callers' tokens, `auth.jwt`."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class IssuerMetrics:
    """Whether its keys can be read."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._up = Gauge(
            "gateway_issuer_up",
            "0 while the keys of auth.jwt cannot be read; those that are known serve on.",
            registry=registry,
        )
        # Nothing is wrong before anything was tried, and without auth.jwt nothing ever is.
        self._up.set(1)
        self._failures = Counter(
            "gateway_issuer_failures",
            "Attempts to read the keys of auth.jwt that failed.",
            registry=registry,
        )

    def answered(self) -> None:
        """They were read."""
        self._up.set(1)

    def failed(self) -> None:
        """They were not."""
        self._up.set(0)
        self._failures.inc()
