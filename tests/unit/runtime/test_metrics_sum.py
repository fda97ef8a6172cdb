"""Several scrapes made one: what is added up, what is not, and that it can be read again."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from runtime.metrics_sum import growing, summed


def scrape(count: int, is_up: int, code: str = "200", seconds: float = 0.5) -> str:
    registry = CollectorRegistry()
    Counter("requests", "Requests, \\ with\nodd words.", ("code",), registry=registry).labels(
        code
    ).inc(count)
    Gauge("up", "Whether.", registry=registry).set(is_up)
    Histogram("took_seconds", "Time.", registry=registry, buckets=(1, 2)).observe(seconds)
    return generate_latest(registry).decode()


def values(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_counters_and_histograms_are_added_up_series_by_series() -> None:
    found = values(summed([scrape(2, 1), scrape(3, 1), scrape(5, 1, code="500")], {}))
    assert found["requests_total", (("code", "200"),)] == 5
    assert found["requests_total", (("code", "500"),)] == 5
    assert found["took_seconds_count", ()] == 3
    assert found["took_seconds_sum", ()] == 1.5
    assert found["took_seconds_bucket", (("le", "1.0"),)] == 3


def test_what_says_whether_something_is_up_is_joined_as_told() -> None:
    scrapes = [scrape(1, 1), scrape(1, 0)]
    assert values(summed(scrapes, {"up": min}))["up", ()] == 0
    assert values(summed(scrapes, {"up": max}))["up", ()] == 1


def test_one_scrape_comes_out_as_it_is() -> None:
    one = scrape(7, 1)
    assert summed([one], {}).decode() == one


def test_a_worker_without_an_answer_is_left_out() -> None:
    assert values(summed(["", scrape(2, 1)], {}))["requests_total", (("code", "200"),)] == 2
    assert summed(["", ""], {}) == b""


def test_when_something_was_created_is_when_it_first_was() -> None:
    texts = [f"# TYPE a_created gauge\na_created {when}\n" for when in (5.0, 3.0)]
    assert b"a_created 3.0" in summed(texts, {})


def test_of_a_process_that_has_ended_only_what_grows_stays() -> None:
    text = (
        "# HELP a_total A.\n# TYPE a_total counter\na_total 2.0\n"
        "# HELP b B.\n# TYPE b gauge\nb 3.0\n"
        '# HELP c C.\n# TYPE c histogram\nc_bucket{le="+Inf"} 1.0\nc_count 1.0\nc_sum 0.5\n'
    )
    left = growing(text)
    assert "b 3.0" not in left
    again = summed([text, left], {}).decode()
    assert "a_total 4.0" in again
    assert "b 3.0" in again
    assert 'c_bucket{le="+Inf"} 2.0' in again
    assert growing("") == ""
