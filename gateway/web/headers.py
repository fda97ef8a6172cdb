"""A request's headers, by name without regard to case."""

from collections.abc import Collection, Mapping, Sequence

MOST_NAMES_KEPT = 1024
LONGEST_NAME_KEPT = 64
_NAMES: dict[bytes, str] = {}
"""Names that have come, in lower case; the same few come again and again."""
_NONE: Mapping[str, Sequence[str]] = {}


class Headers(dict[str, str]):
    """Names are asked for in lower case. Of several with one name the first counts.

    Nobody changes them: requests with the same head share theirs. Bytes that are no UTF-8 become
    lone surrogates, as in aiohttp, so that nothing is lost.
    """

    __slots__ = ("repeated",)

    def __init__(self, pairs: Collection[tuple[bytes, bytes]] = ()) -> None:
        super().__init__(
            {
                _NAMES.get(name) or _lower(name): value.decode("utf-8", "surrogateescape").strip(
                    " \t"
                )
                for name, value in pairs
            }
        )
        self.repeated = _NONE
        """All values of the names that came more than once."""
        if len(self) < len(pairs):
            self._note_repeated(pairs)

    def __repr__(self) -> str:
        """No value."""
        return f"Headers({len(self)} names)"

    def getall(self, name: str, default: Sequence[str] = ()) -> Sequence[str]:
        """All values with this name, in the order in which they came."""
        value = self.get(name)
        if value is None:
            return default
        return self.repeated.get(name) or (value,)

    def with_length(self, length: str) -> "Headers":
        """The same of a request whose body is so long."""
        headers = Headers()
        headers.update(self)
        headers["content-length"] = length
        headers.repeated = self.repeated
        return headers

    def _note_repeated(self, pairs: Collection[tuple[bytes, bytes]]) -> None:
        values: dict[str, list[str]] = {}
        for name, value in pairs:
            text = value.decode("utf-8", "surrogateescape").strip(" \t")
            values.setdefault(_lower(name), []).append(text)
        self.update((name, texts[0]) for name, texts in values.items())
        self.repeated = {name: texts for name, texts in values.items() if len(texts) > 1}


def _lower(name: bytes) -> str:
    found = name.decode("latin-1").lower()
    if len(name) <= LONGEST_NAME_KEPT:
        # Names nobody uses again may be made up to fill this.
        if len(_NAMES) >= MOST_NAMES_KEPT:
            _NAMES.clear()
        _NAMES[name] = found
    return found
