"""A request's headers: by name without regard to case, text made only of what is looked at."""

from collections.abc import Iterator, Mapping, Sequence

MOST_NAMES_KEPT = 1024
_NAMES: dict[bytes, str] = {}
"""Names that have come, in lower case; the same few come again and again."""


class Headers(Mapping[str, str]):
    """Names are asked for in lower case. Of several with one name the first counts.

    Bytes that are no UTF-8 become lone surrogates, as in aiohttp, so that nothing is lost.
    """

    __slots__ = ("_pairs", "_values")

    def __init__(self, pairs: Sequence[tuple[bytes, bytes]]) -> None:
        self._pairs = pairs
        # From the last to the first, which is the one that stays.
        self._values = {_NAMES.get(name) or _lower(name): value for name, value in reversed(pairs)}

    def __repr__(self) -> str:
        return f"Headers({len(self._values)} names)"

    def __getitem__(self, name: str) -> str:
        return _text(self._values[name])

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        """The value, or the default."""
        value = self._values.get(name)
        return default if value is None else _text(value)

    def getall(self, name: str, default: Sequence[str] = ()) -> Sequence[str]:
        """All values with this name, in the order in which they came."""
        value = self._values.get(name)
        if value is None:
            return default
        if len(self._values) == len(self._pairs):
            return (_text(value),)
        return [_text(each) for key, each in self._pairs if _lower(key) == name]


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape").strip(" \t")


def _lower(name: bytes) -> str:
    if len(_NAMES) >= MOST_NAMES_KEPT:
        _NAMES.clear()
    found = _NAMES[name] = name.decode("latin-1").lower()
    return found
