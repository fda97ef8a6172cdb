"""How many series a family may have: label sets up to a bound, and what becomes of further ones.

Ids of groups and accounts come from the configuration and models from upstream's catalogue: closed
sets, but a family with three of them as labels has their product. All bounds of one process
together leave room for 5,000 series (design §8).
"""

from collections.abc import Callable

Labels = tuple[str, ...]
OTHER = "other"
OTHER_ERROR = "_OTHER"
"""OpenTelemetry's word for an error.type that is none of those told apart."""
MAX_MODELS = 24
"""Each has 92 series: this is what most of a process's 5,000 are for."""
MAX_GROUPS = 40
MAX_REQUEST_SERIES = 300
MAX_FAILOVER_SERIES = 60
MAX_INITIATOR_SERIES = 60
MAX_ERROR_SERIES = 40


class Bounded:
    """The first `most` label sets stay what they are; of later ones `rest` makes fewer.

    A label set that was one of the first always is: a gauge goes down where it went up.
    """

    def __init__(self, most: int, rest: Callable[[Labels], Labels]) -> None:
        self._most = most
        self._rest = rest
        self._known: set[Labels] = set()

    def of(self, labels: Labels) -> Labels:
        """The labels to count under."""
        if labels in self._known:
            return labels
        if len(self._known) >= self._most:
            return self._rest(labels)
        self._known.add(labels)
        return labels


class LabelBounds:
    """The bounds of one process's families."""

    def __init__(self) -> None:
        self.groups = Bounded(MAX_GROUPS, lambda labels: (OTHER,))
        # Operation, provider, model.
        self.models = Bounded(MAX_MODELS, lambda labels: (*labels[:2], OTHER))
        # Route, group, code: first without the group, then without the route too.
        self.routes = Bounded(MAX_REQUEST_SERIES, lambda labels: (labels[0], OTHER, labels[2]))
        self.codes = Bounded(MAX_REQUEST_SERIES * 3 // 2, lambda labels: (OTHER, OTHER, labels[2]))
        # Group, account, fault.
        self.moves = Bounded(MAX_FAILOVER_SERIES, lambda labels: (OTHER, OTHER, labels[2]))
        # Group, initiator, rule.
        self.rules = Bounded(MAX_INITIATOR_SERIES, lambda labels: (OTHER, *labels[1:]))
        # Operation, provider, model, fault.
        self.errors = Bounded(MAX_ERROR_SERIES, lambda labels: (*labels[:-1], OTHER_ERROR))

    def model(self, operation: str, provider: str, model: str, is_listed: bool) -> Labels:
        """The labels of a model's series. is_listed: whether it is in upstream's catalogue."""
        if not is_listed:
            return operation, provider, OTHER
        return self.models.of((operation, provider, model))
