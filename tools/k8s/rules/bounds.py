"""Numbers that have to fit together: times of a drain, sizes of volumes, numbers of replicas."""

from collections.abc import Iterator

from tools.k8s.documents import Document, Finding, Pods, Rendering, at, finding, quantity

# What the services take beyond their settings; a test compares these with the services' own.
LAST_WORDS_SECONDS = 10.0
LAST_SHIPMENT_SECONDS = 10.0
LAST_ANSWERS_SECONDS = 1.0
LAST_CALLS_SECONDS = 5.0
MARGIN_SECONDS = 5
LONGEST_GRACE_SECONDS = 600


def grace_periods_add_up(rendering: Rendering) -> Iterator[Finding]:
    """What happens from preStop to the end fits into the time before the pod is killed."""
    for pods in rendering.pods:
        grace = pods.spec.get("terminationGracePeriodSeconds")
        if grace is None or grace > LONGEST_GRACE_SECONDS:
            text = f"must be set, to {LONGEST_GRACE_SECONDS} at most"
            yield pods.at("terminationGracePeriodSeconds", text)
            continue
        configuration = rendering.configuration(pods)
        if not configuration:
            continue
        if at(pods.spec["containers"], (0, "lifecycle", "preStop", "sleep", "seconds")) is None:
            text = "must sleep until the pod's end has come round"
            yield pods.at("containers[0].lifecycle.preStop", text)
        parts = _drain(pods, configuration)
        if None in parts.values():
            text = f"must say {', '.join(name for name, each in parts.items() if each is None)}"
            yield pods.at("terminationGracePeriodSeconds", f"the configuration {text}")
        elif (total := sum(each or 0 for each in parts.values())) > grace:
            said = " + ".join(f"{name} {each:g}" for name, each in parts.items())
            text = f"is {grace}, and must be {total:g} or more: {said}"
            yield pods.at("terminationGracePeriodSeconds", text)


def _drain(pods: Pods, configuration: Document) -> dict[str, float | None]:
    sleep = at(pods.spec["containers"], (0, "lifecycle", "preStop", "sleep", "seconds"), 0)
    parts: dict[str, float | None] = {"preStop": sleep}
    if "usage" in configuration:
        parts |= {
            "drain.grace_seconds": at(configuration, ("drain", "grace_seconds")),
            "drain.stream_seconds": at(configuration, ("drain", "stream_seconds")),
            "last words": LAST_WORDS_SECONDS,
            "last shipment": LAST_SHIPMENT_SECONDS,
        }
    else:
        parts |= {"last answers": LAST_ANSWERS_SECONDS, "last calls": LAST_CALLS_SECONDS}
    return {**parts, "margin": MARGIN_SECONDS}


def bounds_lie_inside_bounds(rendering: Rendering) -> Iterator[Finding]:
    """usage.journal_bytes < the volume < the container's storage, so that ours is met first."""
    for pods in rendering.pods:
        yield from _bounded_directories(pods)
        usage = rendering.configuration(pods).get("usage")
        if usage is None:
            continue
        size, path = _journal(rendering, pods, usage["journal_dir"])
        if size is None:
            yield pods.at(
                "volumes", f"none is mounted at {usage['journal_dir']}, or it has no size"
            )
        elif "journal_bytes" not in usage:
            yield pods.at(path, "the configuration must say usage.journal_bytes")
        elif usage["journal_bytes"] >= size:
            text = f"has {size} bytes, and must have more than usage.journal_bytes"
            yield pods.at(path, f"{text}, {usage['journal_bytes']}")


def _bounded_directories(pods: Pods) -> Iterator[Finding]:
    total = 0
    for name, volume in pods.volumes.items():
        if "emptyDir" not in volume:
            continue
        limit = at(volume, ("emptyDir", "sizeLimit"))
        if limit is None:
            yield pods.at(f"volumes[{name}].emptyDir.sizeLimit", "must be set")
        elif volume["emptyDir"].get("medium") != "Memory":
            total += quantity(limit)
    limits = [at(each, ("resources", "limits", "ephemeral-storage")) for each in pods.containers]
    if None not in limits and total >= sum(quantity(each) for each in limits):
        text = f"must be more than the {total} bytes of the pod's emptyDirs"
        yield pods.at("containers.resources.limits.ephemeral-storage", text)


def _journal(rendering: Rendering, pods: Pods, path: str) -> tuple[int | None, str]:
    """The size of the volume in which a path lies, and where it is said."""
    for mount in pods.spec["containers"][0].get("volumeMounts", ()):
        if not f"{path}/".startswith(f"{mount['mountPath']}/"):
            continue
        name = mount["name"]
        volume = pods.volumes.get(name, {})
        if "emptyDir" in volume:
            size = at(volume, ("emptyDir", "sizeLimit"))
        else:
            claim = _claim(rendering, pods, name)
            size = at(claim, ("spec", "resources", "requests", "storage"))
        return (None if size is None else quantity(size)), f"volumes[{name}]"
    return None, ""


def _claim(rendering: Rendering, pods: Pods, name: str) -> Document | None:
    claimed = at(pods.volumes.get(name, {}), ("persistentVolumeClaim", "claimName"))
    if claimed is not None:
        return rendering.named("PersistentVolumeClaim", claimed)
    templates = pods.owner["spec"].get("volumeClaimTemplates", ())
    return next((each for each in templates if each["metadata"]["name"] == name), None)


def updates_lose_nothing(rendering: Rendering) -> Iterator[Finding]:
    """Of several replicas none is missing while they are replaced, and they lie apart."""
    for pods in rendering.pods:
        spec = pods.owner["spec"]
        if spec.get("replicas", 2) < 2:
            continue
        update = at(spec, ("strategy", "rollingUpdate"), {})
        if pods.owner["kind"] == "Deployment" and (
            update.get("maxUnavailable") != 0 or update.get("maxSurge", 0) == 0
        ):
            text = "maxUnavailable must be 0, and maxSurge more"
            yield finding(pods.owner, "spec.strategy.rollingUpdate", text)
        spread = {
            each["topologyKey"]
            for each in pods.spec.get("topologySpreadConstraints", ())
            if rendering.selected(each["labelSelector"]) == [pods]
        }
        if "kubernetes.io/hostname" not in spread:
            text = "must spread the pods over nodes, by their own labels"
            yield pods.at("topologySpreadConstraints", text)


def stores_keep_all_they_have(rendering: Rendering) -> Iterator[Finding]:
    """A Valkey of these manifests refuses when it is full, before its container is killed."""
    for pods in rendering.pods:
        for volume in pods.volumes.values():
            found = rendering.named("ConfigMap", at(volume, ("configMap", "name"), ""))
            text = at(found, ("data", "valkey.conf"))
            if found is not None and text is not None:
                yield from _kept(pods, found, text)


def _kept(pods: Pods, source: Document, text: str) -> Iterator[Finding]:
    lines = [line.split() for line in text.splitlines() if line.strip()]
    settings = {line[0]: line[1] for line in lines if len(line) > 1}
    if settings.get("maxmemory-policy") != "noeviction":
        yield finding(source, "data.valkey.conf", "must set maxmemory-policy to noeviction")
    # Valkey's own units: mb is 1024 times 1024.
    most = quantity(settings.get("maxmemory", "0").replace("mb", "Mi").replace("gb", "Gi"))
    limit = quantity(at(pods.spec["containers"], (0, "resources", "limits", "memory"), "0"))
    # What it holds is not all it needs: buffers, fragments, copies while it works.
    if not 0 < most <= limit * 0.75:
        text = f"maxmemory must be set, to three quarters of the limit of {limit} bytes at most"
        yield finding(source, "data.valkey.conf", text)
