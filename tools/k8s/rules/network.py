"""NetworkPolicies: nothing by default; each selects pods; each peer exists; who reaches what."""

from collections.abc import Iterator

from tools.k8s.documents import Document, Finding, Rendering, at, finding
from tools.k8s.provided import CLIENT, OUTSIDERS, SCRAPER

KIND = "NetworkPolicy"
SIDES = (("ingress", "from"), ("egress", "to"))


def everything_is_denied_first(rendering: Rendering) -> Iterator[Finding]:
    """A policy for all pods that allows nothing."""
    for policy in rendering.of(KIND):
        spec = policy["spec"]
        if not spec["podSelector"] and not spec.get("ingress") and not spec.get("egress"):
            if set(spec.get("policyTypes", ())) == {"Ingress", "Egress"}:
                return
            yield finding(policy, "spec.policyTypes", "must be Ingress and Egress")
    yield Finding(KIND, "default-deny", "spec", "no policy denies everything: add one for all pods")


def policies_select_pods(rendering: Rendering) -> Iterator[Finding]:
    """One that selects none has a typing error, and protects nothing."""
    for policy in rendering.of(KIND):
        if not rendering.selected(policy["spec"]["podSelector"]):
            yield finding(
                policy, "spec.podSelector", "selects no pods: compare it with their labels"
            )
    for policy in rendering.of("CiliumNetworkPolicy"):
        if not rendering.selected(policy["spec"]["endpointSelector"]):
            yield finding(policy, "spec.endpointSelector", "selects no pods")


def peers_exist(rendering: Rendering) -> Iterator[Finding]:
    """Pods of these manifests, or one of the outsiders that are known by name."""
    for policy, side, rule in _rules(rendering):
        for peer in rule.get(dict(SIDES)[side], ()):
            if "ipBlock" in peer:
                continue
            pods = peer.get("podSelector", {})
            if "namespaceSelector" not in peer:
                if not rendering.selected(pods):
                    yield finding(policy, f"spec.{side}", f"no pods are selected by {pods}")
            elif not _is_known(peer):
                text = "lets in or out who is not among the outsiders of tools/k8s/provided.py"
                yield finding(policy, f"spec.{side}", text)


def policies_name_ports_that_are_there(rendering: Rendering) -> Iterator[Finding]:
    """A name is looked up in the pods that are reached; one that is missing allows nothing."""
    for policy, side, rule in _rules(rendering):
        reached = [policy["spec"]["podSelector"]] if side == "ingress" else _selectors(rule, "to")
        for port in rule.get("ports", ()):
            name = port["port"]
            for selector in reached:
                for pods in rendering.selected(selector) if isinstance(name, str) else ():
                    if name not in pods.ports:
                        text = f"{pods.name} has no port of the name {name}"
                        yield finding(policy, f"spec.{side}.ports", text)


def only_the_scraper_reaches_operators_ports(rendering: Rendering) -> Iterator[Finding]:
    """Metrics name accounts and groups; they are for Prometheus alone."""
    for policy, peers in _entrances(rendering, "ops"):
        if not peers or not all(_is(peer, SCRAPER) for peer in peers):
            text = "lets somebody other than the scraper to the port ops"
            yield finding(policy, "spec.ingress", text)


def only_known_clients_reach_token_service(rendering: Rendering) -> Iterator[Finding]:
    """The gateway, and pods that have the label in a namespace that has it."""
    for policy, peers in _entrances(rendering, "grpc"):
        if not peers or not all(_is_gateway(peer) or _is(peer, CLIENT) for peer in peers):
            text = "lets others than the gateway and labelled clients to the port grpc"
            yield finding(policy, "spec.ingress", text)


def _entrances(rendering: Rendering, port: str) -> Iterator[tuple[Document, list[Document]]]:
    """Each rule that opens this port of pods, with whom it lets in; nobody named: everybody."""
    for policy, side, rule in _rules(rendering):
        if side != "ingress":
            continue
        numbers = {
            pods.ports[port]
            for pods in rendering.selected(policy["spec"]["podSelector"])
            if port in pods.ports
        }
        opened = [each.get("port") for each in rule.get("ports", ())]
        if numbers and (not opened or port in opened or numbers & set(opened)):
            yield policy, rule.get("from", [])


def _rules(rendering: Rendering) -> Iterator[tuple[Document, str, Document]]:
    for policy in rendering.of(KIND):
        for side, _ in SIDES:
            for rule in policy["spec"].get(side) or ():
                yield policy, side, rule


def _selectors(rule: Document, direction: str) -> list[Document]:
    return [
        peer["podSelector"]
        for peer in rule.get(direction, ())
        if "podSelector" in peer and "namespaceSelector" not in peer
    ]


def _is_known(peer: Document) -> bool:
    return any(_is(peer, outsider) for outsider in OUTSIDERS)


def _is(peer: Document, outsider: tuple[dict[str, str], dict[str, str]]) -> bool:
    sides = (("namespaceSelector", "matchLabels"), ("podSelector", "matchLabels"))
    return tuple(at(peer, side) for side in sides) == outsider


def _is_gateway(peer: Document) -> bool:
    labels = at(peer, ("podSelector", "matchLabels"))
    return "namespaceSelector" not in peer and labels == {"app.kubernetes.io/name": "gateway"}
