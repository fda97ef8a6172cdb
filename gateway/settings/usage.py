"""The section `usage`: where usage records are written down, and the ledger they come into."""

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from gateway.settings.values import Count, SecretFile
from runtime.configuration import Section

SQLITE = "sqlite"
POSTGRESQL = "postgresql"
IN_MEMORY = ":memory:"


def _check_database_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("must be a URL: its host or port cannot be read") from None
    if parts.scheme == SQLITE:
        if not text.startswith("sqlite:///") or not parts.path.strip("/") or IN_MEMORY in text:
            raise ValueError("must name a file: sqlite:///usage.db, or sqlite:////var/lib/usage.db")
        return text
    if not text.startswith(f"{POSTGRESQL}://"):
        raise ValueError("must begin with sqlite:/// or postgresql://")
    if "@" in parts.path or parts.netloc.count("@") > 1:
        # Readers of URLs disagree on where such a password ends, and one would show part of it.
        raise ValueError("must have what is special in a password in its form %XX")
    if not parts.path.strip("/"):
        raise ValueError("must name a database: postgresql://USER@HOST/DATABASE")
    if port == 0:
        raise ValueError("must not have port 0")
    return text


class Usage(Section):
    """The usage ledger."""

    database_url: Annotated[str, AfterValidator(_check_database_url)] = Field(
        default="sqlite:///usage.db", repr=False
    )
    """Hidden, since it may hold a password."""
    database_password_file: SecretFile | None = None
    journal_dir: Path = Path("./journal")
    journal_bytes: Annotated[int, Field(ge=1024 * 1024)] = 1024 * 1024 * 1024
    retention_days: Count = 400
    on_full: Literal["refuse", "drop"] = "refuse"

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if self.database_password_file is not None:
            if self.is_one_file:
                raise ValueError("database_password_file: a file of SQLite has no password")
            if urlsplit(self.database_url).password:
                raise ValueError(
                    "database_password_file: database_url has a password already; leave one out"
                )
        return self

    @property
    def is_one_file(self) -> bool:
        """Whether the ledger is SQLite's, for one gateway alone."""
        return self.database_url.startswith(SQLITE)

    @property
    def shown_url(self) -> str:
        """Where the ledger is, without any password."""
        parts = urlsplit(self.database_url)
        if self.is_one_file:
            return self.database_url
        host = parts.netloc.rpartition("@")[2]
        user = f"{parts.username}@" if parts.username else ""
        return f"{parts.scheme}://{user}{host}{parts.path}"
