"""Ports: each has a name, something uses it, and whatever is named is there."""

from collections.abc import Iterator

from tools.k8s.documents import Document, Finding, Pods, Rendering, at, finding


def ports_are_named_and_used(rendering: Rendering) -> Iterator[Finding]:
    """A port that nobody reaches is a leftover."""
    for pods in rendering.pods:
        used = _probed(pods) | _served(rendering, pods)
        for container in pods.containers:
            for port in container.get("ports", ()):
                where = f"containers[{container['name']}].ports[{port['containerPort']}]"
                if "name" not in port:
                    yield pods.at(where, "must have a name")
                elif port["name"] not in used:
                    yield pods.at(where, f"{port['name']} is used by no Service: name it in one")


def probes_ask_ports_that_are_there(rendering: Rendering) -> Iterator[Finding]:
    """By the names of the pod's own ports."""
    for pods in rendering.pods:
        for name in sorted(_probed(pods) - pods.ports.keys()):
            yield pods.at("containers", f"a probe asks the port {name}, which no container has")


def services_lead_somewhere(rendering: Rendering) -> Iterator[Finding]:
    """Each selects pods, and each of its ports is one of theirs, by name."""
    for service in rendering.of("Service"):
        selected = rendering.selected({"matchLabels": at(service, ("spec", "selector"), {})})
        if not service["spec"].get("selector") or not selected:
            yield finding(service, "spec.selector", "selects no pods: compare it with their labels")
            continue
        for port in service["spec"]["ports"]:
            target = port.get("targetPort")
            if "name" not in port:
                yield finding(service, f"spec.ports[{port['port']}].name", "must be set")
            for pods in selected:
                if target not in pods.ports:
                    text = f"{target} is no port of {pods.name} by name"
                    yield finding(service, f"spec.ports[{port['port']}].targetPort", text)


def ways_in_lead_to_services(rendering: Rendering) -> Iterator[Finding]:
    """Backends of an HTTPRoute or an Ingress, and the ports that a ServiceMonitor scrapes."""
    for document, name, port in _backends(rendering):
        service = rendering.named("Service", name)
        ports = at(service, ("spec", "ports"), [])
        if not any(port in (each["port"], each.get("name")) for each in ports):
            yield finding(
                document, "spec.rules", f"there is no Service {name} with the port {port}"
            )
    for monitor in rendering.of("ServiceMonitor"):
        for endpoint in monitor["spec"]["endpoints"]:
            if not any(
                endpoint.get("port") == port.get("name")
                for service in _monitored(rendering, monitor)
                for port in service["spec"]["ports"]
            ):
                text = f"no Service it selects has the port {endpoint.get('port')}"
                yield finding(monitor, "spec.endpoints", text)


def _monitored(rendering: Rendering, monitor: Document) -> list[Document]:
    wanted = at(monitor, ("spec", "selector", "matchLabels"), {}).items()
    return [
        each
        for each in rendering.of("Service")
        if wanted <= each["metadata"].get("labels", {}).items()
    ]


def _probed(pods: Pods) -> set[str]:
    found = set()
    for container in pods.containers:
        for name, probe in container.items():
            if name.endswith("Probe"):
                for how in ("httpGet", "tcpSocket"):
                    found.add(at(probe, (how, "port")))
    return {each for each in found if isinstance(each, str)}


def _served(rendering: Rendering, pods: Pods) -> set[str]:
    return {
        port.get("targetPort")
        for service in rendering.of("Service")
        if at(service, ("spec", "selector"), {}).items() <= pods.labels.items()
        for port in service["spec"]["ports"]
    }


def _backends(rendering: Rendering) -> Iterator[tuple[Document, str, int | str]]:
    for route in rendering.of("HTTPRoute"):
        for rule in route["spec"]["rules"]:
            for backend in rule.get("backendRefs", ()):
                yield route, backend["name"], backend["port"]
    for ingress in rendering.of("Ingress"):
        for rule in ingress["spec"].get("rules", ()):
            for path in rule["http"]["paths"]:
                service = path["backend"]["service"]
                port = service["port"]
                yield ingress, service["name"], port.get("name", port.get("number"))
