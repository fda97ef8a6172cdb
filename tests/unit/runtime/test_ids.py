"""Random ids."""

import uuid

from runtime.ids import AT_ONCE, RandomIds


def test_each_is_another_and_all_are_random_uuids() -> None:
    draw = RandomIds()
    found = [draw() for _ in range(3 * AT_ONCE)]
    assert len(set(found)) == len(found)
    for each in found:
        read = uuid.UUID(each)
        assert (read.version, read.variant, str(read)) == (4, uuid.RFC_4122, each)


def test_two_that_draw_never_draw_the_same() -> None:
    one, other = RandomIds(), RandomIds()
    assert not {one() for _ in range(AT_ONCE)} & {other() for _ in range(AT_ONCE)}
