"""The sections `store` and `egress`: what replicas share, and the way out."""

from gateway.settings.values import CaFile, Host, Namespace, ProxyUrl, SecretFile, StoreUrl
from runtime.configuration import Section
from runtime.urls import MEMORY


class Store(Section):
    """What replicas share: places, cool-downs, where conversations live."""

    url: StoreUrl = MEMORY
    namespace: Namespace = "copilot-gateway"
    ca_file: CaFile | None = None
    password_file: SecretFile | None = None

    @property
    def is_shared(self) -> bool:
        """Whether other replicas use the same one."""
        return self.url != MEMORY


class Egress(Section):
    """How every request upstream leaves."""

    proxy_url: ProxyUrl | None = None
    ca_file: CaFile | None = None
    private_hosts: tuple[Host, ...] = ()
