"""What happened to keys, remembered; the KeyEvents port."""


class RecordedKeyEvents:
    """In the order it happened."""

    def __init__(self) -> None:
        self.all: list[tuple[object, ...]] = []

    def keys_configured(self, count: int) -> None:
        pass

    def keys_read(self, changed: int, usable: int, revoked: int) -> None:
        self.all.append(("read", changed, usable + revoked))

    def keys_stale(self, reason: str) -> None:
        self.all.append(("stale", reason))

    def keys_fresh(self) -> None:
        self.all.append(("fresh",))

    def key_shadowed(self, key_id: str) -> None:
        self.all.append(("shadowed", key_id))
