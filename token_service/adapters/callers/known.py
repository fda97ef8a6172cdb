"""Callers that are known by what stands in the configuration: nobody, tokens, certificates.

Each is an Authenticator; none waits. The directory can be replaced while calls are served.
"""

from token_service.domain.callers import LOCAL_CALLER, Caller, Directory, Presented


class Everyone:
    """Mode none: whoever can connect, which on loopback is a user of this machine."""

    async def identify(self, presented: Presented) -> Caller:
        return LOCAL_CALLER


class Register:
    """The directory as it stands now; shared by the authenticators that look callers up."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory


class TokenHolders:
    """Mode tokens."""

    def __init__(self, register: Register) -> None:
        self._register = register

    async def identify(self, presented: Presented) -> Caller:
        return self._register.directory.by_token(presented)


class CertificateHolders:
    """Mode mtls."""

    def __init__(self, register: Register) -> None:
        self._register = register

    async def identify(self, presented: Presented) -> Caller:
        return self._register.directory.by_certificate(presented)
