"""The listener's certificate files while they are replaced."""

from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.service_events import FakeServiceEvents
from tests.servers.certificates import Authority, Pair
from tests.servers.mounted import MountedSecret
from token_service.adapters.callers.certificate_files import LOOK_AGAIN_SECONDS, CertificateFiles

pytestmark = pytest.mark.anyio

AUTHORITY = Authority()
FIRST, SECOND = AUTHORITY.issue("localhost"), AUTHORITY.issue("localhost")


class Mounted:
    """Files as Kubernetes mounts them, and what watches them."""

    def __init__(self, directory: Path) -> None:
        self.secret = MountedSecret(directory / "tls")
        self.clock = FakeClock()
        self.events = FakeServiceEvents()
        self.put(FIRST)
        paths = [self.secret.path(name) for name in ("tls.crt", "tls.key", "ca.crt")]
        self.files = CertificateFiles(paths[0], paths[1], paths[2], self.clock, self.events)

    def put(self, pair: Pair, key: bytes | None = None) -> None:
        self.secret.swap(tls_crt=pair.cert, tls_key=key or pair.key, ca_crt=AUTHORITY.ca)

    async def changed(self) -> bytes | None:
        """What is shown from now on, a second later."""
        await self.clock.advance(LOOK_AGAIN_SECONDS)
        found = self.files.changed()
        return found.chain if found is not None else None


async def test_new_files_are_taken_over_once(tmp_path: Path) -> None:
    made = Mounted(tmp_path)
    assert made.files.load().chain == FIRST.cert
    assert await made.changed() is None
    made.put(SECOND)

    assert await made.changed() == SECOND.cert
    assert await made.changed() is None
    assert len(made.events.means) == 2


async def test_they_are_looked_at_no_more_than_once_a_second(tmp_path: Path) -> None:
    """Every connection asks; a burst of them must not become a burst of file reads."""
    made = Mounted(tmp_path)
    made.files.load()
    made.put(SECOND)

    assert made.files.changed() is None
    assert await made.changed() == SECOND.cert


async def test_what_does_not_fit_changes_nothing_and_is_said_once(tmp_path: Path) -> None:
    made = Mounted(tmp_path)
    made.files.load()
    made.put(SECOND, key=FIRST.key)
    assert [await made.changed() for _ in range(3)] == [None] * 3
    (made.secret.path("tls.key")).unlink()
    assert await made.changed() is None
    complaints = [each for each in made.events.means if "until" not in each]
    made.put(SECOND)

    assert len(complaints) == 2
    assert await made.changed() == SECOND.cert


async def test_what_was_refused_once_is_taken_when_it_fits(tmp_path: Path) -> None:
    """Two files written one after the other: the second write ends the misfit."""
    directory = tmp_path / "plain"
    directory.mkdir()
    for name, content in (("c", FIRST.cert), ("k", FIRST.key)):
        (directory / name).write_bytes(content)
    clock = FakeClock()
    files = CertificateFiles(directory / "c", directory / "k", None, clock, FakeServiceEvents())
    files.load()
    (directory / "c").write_bytes(SECOND.cert)
    await clock.advance(LOOK_AGAIN_SECONDS)
    assert files.changed() is None
    (directory / "k").write_bytes(SECOND.key)
    await clock.advance(LOOK_AGAIN_SECONDS)
    found = files.changed()

    assert found is not None
    assert (found.chain, found.client_ca) == (SECOND.cert, None)


def test_a_start_without_usable_files_fails(tmp_path: Path) -> None:
    made = Mounted(tmp_path)
    made.put(SECOND, key=FIRST.key)

    with pytest.raises(ValueError, match="key_file does not hold"):
        made.files.load()
