"""What the manifests name and do not contain: made by whoever operates the cluster, or by it.

docs/kubernetes.md says of each Secret what has to be in it; a test compares.
"""

SECRETS = frozenset(
    {
        "token-service-accounts",
        "token-service-tls",
        "token-service-store-key",
        "store-password",
        "usage-database",
        "gateway-public-tls",
        "copilot-gateway-authority",
    }
)
CONFIG_MAPS = frozenset(
    {
        "kube-root-ca.crt",  # the cluster makes it in every namespace
        "issuer-keys",
    }
)
# Who outside of these manifests a policy may let in or out: a namespace's labels, and a pod's.
DNS = ({"kubernetes.io/metadata.name": "kube-system"}, {"k8s-app": "kube-dns"})
SCRAPER = ({"kubernetes.io/metadata.name": "monitoring"}, {"app.kubernetes.io/name": "prometheus"})
CLIENT = ({"copilot-gateway/token-client": "true"}, {"copilot-gateway/token-client": "true"})
COLLECTOR = (
    {"kubernetes.io/metadata.name": "monitoring"},
    {"app.kubernetes.io/name": "opentelemetry-collector"},
)
OUTSIDERS = (DNS, SCRAPER, CLIENT, COLLECTOR)
# Whose pods have a token for the API server.
API_CALLERS = frozenset({"token-service"})
