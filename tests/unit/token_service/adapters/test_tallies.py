"""The calls' metrics as plain numbers: what a scrape sees is what prometheus_client would show."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from token_service.adapters.tallies import CALL_LABELS, CallTallies, TallyCounter

BOUNDS = (0.001, 0.01, 0.1, 1.0)
NAMES = ("grpc_server_started", "grpc_server_handled", "grpc_server_handling_seconds")
CALLS = st.lists(
    st.tuples(
        st.sampled_from([("unary", "s", "Get"), ("server_stream", "s", "Watch")]),
        st.sampled_from(["OK", "NOT_FOUND"]),
        # Sums of these are exact, so that the order of adding does not show.
        st.sampled_from([0.0, 0.0009765625, 0.001, 0.01, 0.125, 0.5, 1.0, 64.0]),
    ),
    max_size=30,
)


def samples(text: bytes) -> list[str]:
    lines = text.decode().splitlines()
    return sorted(line for line in lines if not line.startswith("#") and "_created" not in line)


@given(CALLS)
def test_it_shows_what_the_library_would(
    calls: list[tuple[tuple[str, str, str], str, float]],
) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    tallies = CallTallies(NAMES, BOUNDS)
    ours.register(tallies)
    started = Counter(NAMES[0], "Calls begun.", CALL_LABELS, registry=theirs)
    handled = Counter(NAMES[1], "Calls ended.", (*CALL_LABELS, "grpc_code"), registry=theirs)
    seconds = Histogram(
        NAMES[2], "How long calls took.", CALL_LABELS, buckets=BOUNDS, registry=theirs
    )
    for labels, code, took in calls:
        tallies.started(labels)
        tallies.ended(labels, code, took)
        started.labels(*labels).inc()
        handled.labels(*labels, code).inc()
        seconds.labels(*labels).observe(took)

    assert samples(generate_latest(ours)) == samples(generate_latest(theirs))


def test_a_call_under_way_is_begun_and_not_ended() -> None:
    registry = CollectorRegistry()
    tallies = CallTallies(NAMES, BOUNDS)
    registry.register(tallies)
    tallies.started(("unary", "s", "Get"))
    text = generate_latest(registry).decode()

    labels = 'grpc_method="Get",grpc_service="s",grpc_type="unary"'
    assert f"grpc_server_started_total{{{labels}}} 1.0" in text
    assert f"grpc_server_handling_seconds_count{{{labels}}} 0.0" in text
    assert "grpc_server_handled_total{" not in text


def test_a_counters_series_can_be_dropped() -> None:
    """As the library's: an account that was removed takes its series with it."""
    registry = CollectorRegistry()
    counter = TallyCounter("requests", "Tokens given.", ("account", "source"))
    registry.register(counter)
    for labels in (("a", "memory"), ("a", "memory"), ("a", "store"), ("b", "memory")):
        counter.add(labels)
    assert 'requests_total{account="a",source="memory"} 2.0' in samples(generate_latest(registry))
    counter.remove_by_labels({"account": "a"})
    assert samples(generate_latest(registry)) == ['requests_total{account="b",source="memory"} 1.0']
    counter.clear()

    assert samples(generate_latest(registry)) == []
