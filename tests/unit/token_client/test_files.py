"""The files of a client: whole, checked, and noticed when they change."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from tests.servers.certificates import Authority
from tests.servers.mounted import mount
from token_client.errors import UnusableFiles
from token_client.files import MAX_FILE_BYTES, Files, Material, Signature, Tls

ONE, OTHER = Authority("one"), Authority("other")
PAIR, SECOND = ONE.issue("client"), ONE.issue("client")


def mounted(directory: Path, **files: bytes) -> Files:
    paths = mount(directory, **files)
    return Files(Tls(paths["ca"], paths["cert"], paths["key"]), paths["token"])


def test_everything_is_read_from_one_moment(tmp_path: Path) -> None:
    files = mounted(tmp_path, ca=ONE.ca, cert=PAIR.cert, key=PAIR.key, token=b"word\n")
    material = files.read()
    assert (material.ca, material.cert, material.key) == (ONE.ca, PAIR.cert, PAIR.key)
    assert material.bearer == "word"


def test_a_link_that_leads_elsewhere_is_a_change(tmp_path: Path) -> None:
    """How Kubernetes replaces what is mounted, all at once."""
    files = mounted(tmp_path, ca=ONE.ca, cert=PAIR.cert, key=PAIR.key, token=b"word")
    before = files.signature()
    assert files.signature() == before
    mount(tmp_path, ca=ONE.ca, cert=SECOND.cert, key=SECOND.key, token=b"word")
    assert files.signature() != before
    assert not files.read().same_tls(Material(ONE.ca, PAIR.cert, PAIR.key))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"key": SECOND.key}, "belong together"),
        ({"cert": SECOND.cert}, "belong together"),
        ({"key": PAIR.key[:60]}, "belong together"),
        ({"cert": b"-----BEGIN"}, "belong together"),
        ({"ca": b"garbage"}, "holds no certificates"),
        ({"ca": b""}, "is empty"),
        ({"ca": b"x" * (MAX_FILE_BYTES + 1)}, "larger than"),
        ({"token": b"two words"}, "one token on one line"),
        ({"token": b"\xff\xfe"}, "one token on one line"),
        ({"token": b"\n"}, "one token on one line"),
    ],
)
def test_what_cannot_be_used_is_named_and_not_quoted(
    tmp_path: Path, changed: dict[str, bytes], words: str
) -> None:
    good = {"ca": ONE.ca, "cert": PAIR.cert, "key": PAIR.key, "token": b"word"}
    files = mounted(tmp_path, **{**good, **changed})
    with pytest.raises(UnusableFiles, match=words) as caught:
        files.read()
    (name,) = changed
    assert str(tmp_path / name) in str(caught.value)
    assert "BEGIN" not in str(caught.value)
    assert "two words" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableFiles, match="gone: No such file"):
        Files(Tls(ca_file=tmp_path / "gone"), None).read()


def test_half_a_pair_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cert").write_bytes(PAIR.cert)
    with pytest.raises(UnusableFiles, match="name both files or neither"):
        Files(Tls(cert_file=tmp_path / "cert"), None).read()


def test_files_that_change_while_they_are_read_are_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate of before and a key of after would not be noticed by comparing contents."""
    files = mounted(tmp_path, ca=ONE.ca, cert=PAIR.cert, key=PAIR.key, token=b"word")
    real = Files.signature
    rotated = False

    def signature(self: Files) -> Signature:
        nonlocal rotated
        found = real(self)
        if not rotated:
            rotated = True
            mount(tmp_path, ca=ONE.ca, cert=SECOND.cert, key=SECOND.key, token=b"word")
        return found

    monkeypatch.setattr(Files, "signature", signature)
    with pytest.raises(UnusableFiles, match="changed while"):
        files.read()
    assert files.read().cert == SECOND.cert


def test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked_for_it(tmp_path: Path) -> None:
    key = serialization.load_pem_private_key(PAIR.key, None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"pass"),
    )
    files = mounted(tmp_path, ca=ONE.ca, cert=PAIR.cert, key=locked, token=b"word")
    with pytest.raises(UnusableFiles, match="belong together"):
        files.read()


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    files = mounted(tmp_path, ca=ONE.ca, cert=PAIR.cert, key=PAIR.key, token=b"the-bearer")
    shown = repr(files.read())
    assert "the-bearer" not in shown
    assert "PRIVATE" not in shown


def test_without_files_there_is_nothing_to_look_at() -> None:
    files = Files(None, None)
    assert files.signature() == ()
    assert files.read().bearer is None
