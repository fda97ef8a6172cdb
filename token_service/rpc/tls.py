"""The listener's TLS credentials for gRPC: asked for anew before every handshake.

Connections that exist keep the certificate they were made with; grpc.max_connection_age_seconds
ends them. With authorities for client certificates, only clients with one of theirs connect.
"""

from collections.abc import Callable
from typing import Any

import grpc

from token_service.domain.certificates import ListenerCertificates


def credentials(
    first: ListenerCertificates, changed: Callable[[], ListenerCertificates | None]
) -> grpc.ServerCredentials:
    """changed: what to show from now on, None for no change; called in gRPC's threads."""

    def fetch() -> Any:  # None is an answer too; the type stubs do not know it
        found = changed()
        return _configuration(found) if found is not None else None

    made: grpc.ServerCredentials = grpc.dynamic_ssl_server_credentials(
        _configuration(first), fetch, require_client_authentication=first.client_ca is not None
    )
    return made


def _configuration(certificates: ListenerCertificates) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(certificates.key, certificates.chain)], root_certificates=certificates.client_ca
    )
