"""Where a new credential goes: an account entry with a file beside it, or a Kubernetes Secret.

Files that hold the credential are created new and readable by their owner alone; none is ever
overwritten. Nothing secret is printed unless it was asked for.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from token_service.domain.credentials import CredentialKind
from token_service.domain.device_flow import LoginFailed

Format = Literal["entry", "secret"]


@dataclass(frozen=True)
class Destination:
    """What the user asked for.

    out: the file to write; None for the terminal. name: the Secret's, for format secret.
    """

    account: str
    host: str
    form: Format = "entry"
    name: str = ""
    out: Path | None = None
    show_token: bool = False

    @property
    def token_file(self) -> Path:
        """The credential's file, beside the entry."""
        return (self.out.parent if self.out else Path()) / f"{self.account}.token"

    def files(self) -> tuple[Path, ...]:
        """The files that will be written."""
        entry = (self.out,) if self.out is not None else ()
        if self.form == "secret" or self.show_token:
            return entry
        return (*entry, self.token_file)


def check(destination: Destination) -> None:
    """Find out before the sign-in what would lose its result. Raises LoginFailed."""
    if destination.form == "secret" and not (destination.out or destination.show_token):
        raise LoginFailed(
            "a Secret holds the credential: name a file with --out, or ask for it on the "
            "terminal with --show-token"
        )
    for path in destination.files():
        if path.exists():
            raise LoginFailed(f"{path} exists already; move it away or choose another --out")
        if not os.access(path.parent, os.W_OK):
            raise LoginFailed(f"{path.parent} cannot be written to")


def deliver(destination: Destination, credential: str, kind: CredentialKind) -> tuple[str, str]:
    """Write the files; what to print on standard output, and what to tell the user.

    Raises LoginFailed when a file cannot be written.
    """
    if destination.form == "secret":
        return _deliver_secret(destination, credential)
    text = entry(destination, kind)
    if destination.show_token:
        notes = "The credential, to be kept in the file that the entry names:\n" + credential
    else:
        _write(destination.token_file, credential + "\n")
        notes = f"The credential is in {destination.token_file}, readable by you alone."
    if destination.out is None:
        return text, notes
    _write(destination.out, text)
    return "", f"{notes}\nThe account's entry is in {destination.out}; add it to `accounts`."


def entry(destination: Destination, kind: CredentialKind) -> str:
    """The entry for `accounts`; holds no credential."""
    file = destination.token_file.absolute()
    lines = [f"- id: {destination.account}", f"  github_token_file: {file}"]
    if destination.host != "github.com":
        lines.append(f"  github_host: {destination.host}")
    if kind is CredentialKind.OAUTH:
        lines.append("  # Answers CREDENTIAL_KIND_UNSUPPORTED? Then this app's tokens are not")
        lines.append("  # exchanged: upstream takes them as they are with `strategy: direct`.")
    lines.append("  strategy: auto")
    return "\n".join(lines) + "\n"


def manifest(destination: Destination, credential: str) -> str:
    """A Kubernetes Secret with the credential under the account's id."""
    return (
        "apiVersion: v1\nkind: Secret\nmetadata:\n"
        f"  name: {destination.name}\ntype: Opaque\nstringData:\n"
        f'  {destination.account}: "{credential}"\n'
    )


def _deliver_secret(destination: Destination, credential: str) -> tuple[str, str]:
    text = manifest(destination, credential)
    if destination.out is None:
        return text, "Mount it, and name the file of the account as its github_token_file."
    _write(destination.out, text)
    return (
        "",
        f"The Secret is in {destination.out}, readable by you alone; it holds the credential.",
    )


def _write(path: Path, text: str) -> None:
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise LoginFailed(f"{path}: cannot be written: {error.strerror}") from None
