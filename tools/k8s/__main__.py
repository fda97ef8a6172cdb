"""`make k8s`: renders every overlay and component, validates what comes out, checks the rules.

One line for each rendering on standard output; one for each finding on standard error, which says
where it is and what to do. Ends with 1 if there is any.
"""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from tools.k8s.documents import Rendering
from tools.k8s.render import RenderError, Target, render, targets
from tools.k8s.rules.table import RULES, broken
from tools.k8s.schemas import VERSIONS, Schemas, is_foreign

AT_A_TIME = 2


def main() -> int:
    """Check all of it; the exit code."""
    schemas, failed = Schemas(), False
    wanted = targets()
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for target, rendered in zip(wanted, pool.map(_rendered, wanted), strict=True):
            problems = [rendered] if isinstance(rendered, str) else problems_of(rendered, schemas)
            failed = failed or bool(problems)
            print(f"{target.source}: {_verdict(rendered, problems)}", flush=True)
            for problem in problems:
                print(f"{target.source}: {problem}", file=sys.stderr, flush=True)
    print(
        f"Kubernetes {' and '.join(VERSIONS)}, {len(RULES)} rules: {'FAILED' if failed else 'ok'}"
    )
    return 1 if failed else 0


def problems_of(rendering: Rendering, schemas: Schemas) -> list[str]:
    """Everything that is wrong with it, a line each."""
    return list(_problems(rendering, schemas))


def _problems(rendering: Rendering, schemas: Schemas) -> Iterator[str]:
    for document in rendering.documents:
        for finding in schemas.findings(document):
            yield f"{finding} (schema)"
    for name, finding in broken(rendering):
        yield f"{finding} ({name})"


def _rendered(target: Target) -> Rendering | str:
    try:
        return render(target)
    except RenderError as error:
        return str(error)


def _verdict(rendered: Rendering | str, problems: list[str]) -> str:
    if isinstance(rendered, str):
        return "cannot be rendered"
    documents = rendered.documents
    foreign = sorted({each["kind"] for each in documents if is_foreign(each)})
    words = f"{len(documents)} documents, {len(problems) or 'no'} findings"
    return f"{words} (by shape alone: {', '.join(foreign)})" if foreign else words


if __name__ == "__main__":
    sys.exit(main())
