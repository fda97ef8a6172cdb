"""The manifests with something else in one place, for tests of the rules they have to keep."""

import copy
from functools import cache
from typing import Any

from tools.k8s.documents import Rendering
from tools.k8s.render import Target, render

# Everything the rules look at: two services, the store, an autoscaler, ways in, a scraper.
ALL = ("autoscaling", "cilium-hosts", "http-route", "ingress", "service-monitor")
GONE = object()
GATEWAY = "Deployment/gateway"
BROKER = "Deployment/token-service"
VALKEY = "Deployment/valkey"
POD = "spec.template.spec"
FIRST = f"{POD}.containers.0"
CONFIG = "ConfigMap/gateway-config"
NOBODY = {"matchLabels": {"app.kubernetes.io/name": "nobody"}}

Row = tuple[str, str, str, object, str]
"""rule, document, path in it, what is put there, what the finding says"""


@cache
def sound() -> Rendering:
    """What every rule finds to be in order, and looks at."""
    return render(Target("production", ALL))


def changed(rendering: Rendering, document: str, path: str, value: object) -> Rendering:
    """The same with something else at a place of a document, or nothing."""
    documents = copy.deepcopy(list(rendering.documents))
    kind, name = document.split("/")
    (found,) = [
        each
        for each in documents
        if each["kind"] == kind and each["metadata"]["name"].startswith(name)
        if kind == "ConfigMap" or each["metadata"]["name"] == name
    ]
    if kind == "ConfigMap":
        edit_lines(found["data"], str(value))
        return Rendering(documents)
    *steps, last = (int(each) if each.isdigit() else each for each in path.split("."))
    inner: Any = found
    for step in steps:
        inner = inner[step]
    if value is GONE:
        del inner[last]
    else:
        inner[last] = value
    return Rendering(documents)


def edit_lines(data: dict[str, str], edit: str) -> None:
    """`- X` leaves out the lines that begin with X, `* X: Y` puts Y there; else X is spoilt."""
    (name,) = data
    lines = []
    for line in data[name].splitlines():
        setting = line.strip().partition(":")[0]
        if edit.startswith("- ") and setting.startswith(edit[2:]):
            continue
        if edit.startswith("* ") and setting == edit[2:].partition(":")[0]:
            line = f"  {edit[2:]}"
        lines.append(line if edit[0] in "-*" else line.replace(edit, "x"))
    data[name] = "\n".join(lines)
