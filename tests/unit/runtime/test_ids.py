"""Random ids."""

import uuid

from runtime.ids import AT_ONCE, RandomIds


def test_each_is_another_and_all_are_random_uuids() -> None:
    draw = RandomIds()
    found = [draw() for _ in range(3 * AT_ONCE)]
    assert len(set(found)) == len(found)
    for each in found:
        read = uuid.UUID(each)
        assert (read.version, read.variant, str(read)) == (7, uuid.RFC_4122, each)


def test_two_that_draw_never_draw_the_same() -> None:
    one, other = RandomIds(lambda: 1.0), RandomIds(lambda: 1.0)
    assert not {one() for _ in range(AT_ONCE)} & {other() for _ in range(AT_ONCE)}


def test_they_sort_by_the_millisecond_in_which_they_were_made() -> None:
    times = [1_795_600_000.0 + number / 1000 for number in range(2 * AT_ONCE)]
    draw = RandomIds(iter(times).__next__)
    found = [draw() for _ in times]
    assert found == sorted(found)
    assert [uuid.UUID(each).int >> 80 for each in found] == [round(each * 1000) for each in times]


def test_all_that_is_no_time_is_random() -> None:
    draw = RandomIds(lambda: 1.0)
    found = [draw() for _ in range(40 * AT_ONCE)]
    fixed = {14: "7", 19: "89ab"}
    for place in [*range(14, 18), *range(19, 23), *range(24, 36)]:
        assert {each[place] for each in found} == set(fixed.get(place, "0123456789abcdef"))
