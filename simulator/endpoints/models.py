"""`GET /models` and `GET /models/{id}` (§5.5), and the liveness page."""

from simulator.endpoints.identity import admit
from simulator.endpoints.question import Question
from simulator.state.world import World
from simulator.wire.answer import Answer, as_json, as_text
from simulator.wire.capi_refusals import NO_SUCH_PATH
from simulator.wire.models_body import entry


def models(world: World, question: Question) -> Answer:
    """The catalogue, duplicates and odd entries included."""
    admitted = admit(world, question)
    if isinstance(admitted, Answer):
        return admitted
    version = question.request.headers.get("X-GitHub-Api-Version", "")
    data = [entry(model, version) for model in world.models]
    return as_json({"object": "list", "data": [*data, *world.scenario.models.extra]})


def model(world: World, question: Question) -> Answer:
    """One entry. The body for an unknown one is invented."""
    admitted = admit(world, question)
    if isinstance(admitted, Answer):
        return admitted
    found = world.models_by_id.get(question.model or "")
    if found is None:
        return NO_SUCH_PATH.answer()
    version = question.request.headers.get("X-GitHub-Api-Version", "")
    return as_json(entry(found, version))


def ping(world: World, question: Question) -> Answer:
    """`GET /_ping`: no authorization (§5.2). The text is invented."""
    return as_text("pong (simulated)\n", 200)


def front_page(world: World, question: Question) -> Answer:
    """`GET /`: says what this is, for a person who opens it."""
    return as_text(
        "copilot-simulator: this pretends to be GitHub and Copilot; nothing here is real.\n"
        f"State: {question.request.base_url}/_simulator/state\n",
        200,
    )


def nowhere(world: World, question: Question) -> Answer:
    """A path that there is not."""
    return NO_SUCH_PATH.answer()
