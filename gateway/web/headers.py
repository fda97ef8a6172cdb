"""A request's headers: by name without regard to case, text made only of what is looked at."""

from collections.abc import Iterable, Iterator, KeysView, Mapping, Sequence

MOST_NAMES_KEPT = 1024
LONGEST_NAME_KEPT = 64
_NAMES: dict[bytes, str] = {}
"""Names that have come, in lower case; the same few come again and again."""


class Headers(Mapping[str, str]):
    """Names are asked for in lower case. Of several with one name the first counts.

    Bytes that are no UTF-8 become lone surrogates, as in aiohttp, so that nothing is lost.
    """

    __slots__ = ("_repeated", "_values")

    def __init__(self, pairs: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self._values: dict[str, bytes] = {}
        self._repeated: dict[str, list[bytes]] = {}
        """All values of the names that came more than once."""
        for name, value in pairs:
            self.add(name, value)

    def add(self, name: bytes, value: bytes) -> None:
        """One more."""
        key = _NAMES.get(name) or _lower(name)
        if key in self._values:
            self._repeated.setdefault(key, [self._values[key]]).append(value)
        else:
            self._values[key] = value

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

    @property
    def names(self) -> KeysView[str]:
        """Each once."""
        return self._values.keys()

    @property
    def repeated(self) -> Mapping[str, Sequence[bytes]]:
        """The values of the names that came more than once."""
        return self._repeated

    def raw(self, name: str, default: bytes) -> bytes:
        """The value as it came."""
        return self._values.get(name, default)

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        """The value, or the default."""
        value = self._values.get(name)
        return default if value is None else _text(value)

    def getall(self, name: str, default: Sequence[str] = ()) -> Sequence[str]:
        """All values with this name, in the order in which they came."""
        value = self._values.get(name)
        if value is None:
            return default
        return [_text(each) for each in self._repeated.get(name, (value,))]


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape").strip(" \t")


def _lower(name: bytes) -> str:
    found = name.decode("latin-1").lower()
    if len(name) <= LONGEST_NAME_KEPT:
        # Names nobody uses again may be made up to fill this.
        if len(_NAMES) >= MOST_NAMES_KEPT:
            _NAMES.clear()
        _NAMES[name] = found
    return found
