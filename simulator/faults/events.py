"""Changes of what an answer says: fields taken away or added, errors put in.

Works on the JSON of whole bodies and of event payloads; knows nothing of how they are sent.
An answer without such a fault passes unread.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import msgspec

from simulator.scenario.faults import ErrorText, Fault, Respond
from simulator.wire.answer import DONE, JSON, TEXT, Answer, Dialect, Event, encode
from simulator.wire.capi_refusals import REFUSALS
from simulator.wire.error_forms import error_body, error_event
from simulator.wire.github_refusals import Refused, refusal_of

UNKNOWN_FIELD = "simulated_unknown_field"
DONE_NAME = "[DONE]"


def changed(answer: Answer, fault: Fault) -> Answer:
    """The answer that a fault makes of the plain one."""
    if fault.error_in_200 is not None:
        answer = _error_in_200(answer, fault.error_in_200)
    if answer.events is not None:
        answer = replace(answer, events=_changed_events(answer.events, answer.dialect, fault))
    elif fault.drop or fault.unknown_fields:
        answer = replace(answer, body=_changed_payload(answer.body, fault))
    if fault.headers:
        answer = replace(answer, headers={**answer.headers, **fault.headers})
    return answer


def replacement(fault: Fault, refused: Refused) -> Answer | None:
    """What is answered instead of the plain answer; None: the plain one is made."""
    if fault.refusal is not None:
        return REFUSALS[fault.refusal].answer()
    if fault.seat is not None:
        return refusal_of(fault.seat, refused)
    return _own_answer(fault.respond) if fault.respond is not None else None


def _own_answer(respond: Respond) -> Answer:
    is_text = isinstance(respond.body, str)
    kind = respond.content_type or (TEXT if is_text else JSON)
    raw = respond.body.encode() if isinstance(respond.body, str) else encode(respond.body)
    return Answer(respond.status, kind, raw, headers=respond.headers)


def _error_in_200(answer: Answer, error: ErrorText) -> Answer:
    """An error where nobody looks for one: the status says that all is well."""
    code, message = error.code, error.message
    if answer.events is None:
        body = error_body(answer.dialect, code, message, answer.body)
        return replace(answer, status=200, body=body)
    event = error_event(answer.dialect, code, message, as_failed=False, before=())
    return replace(answer, status=200, events=[event])


def _changed_events(plain: Iterable[Event], dialect: Dialect | None, fault: Fault) -> list[Event]:
    events = list(plain)
    if fault.drop or fault.unknown_fields:
        events = [changed for event in events for changed in _changed_event(event, fault)]
    error = fault.error_event
    if error is None:
        return events
    before = events[: error.after_events]
    last = error_event(dialect, error.code, error.message, as_failed=error.as_failed, before=before)
    return [*before, last]


def _changed_event(event: Event, fault: Fault) -> list[Event]:
    """One or none: an event goes by its name, or with a field that it was there for."""
    if event.data == DONE:
        return [] if DONE_NAME in fault.drop else [event]
    if event.name and event.name in fault.drop:
        return []
    try:
        content = msgspec.json.decode(event.data)
    except msgspec.DecodeError:
        return [event]
    had_usage = _is_usage_only(content)
    _change(content, fault)
    if had_usage and "usage" in fault.drop:
        return []
    return [Event(encode(content), event.name)]


def _is_usage_only(content: Any) -> bool:
    return isinstance(content, dict) and content.get("choices") == [] and "usage" in content


def _changed_payload(payload: bytes, fault: Fault) -> bytes:
    try:
        content = msgspec.json.decode(payload)
    except msgspec.DecodeError:
        return payload
    _change(content, fault)
    return encode(content)


def _change(content: Any, fault: Fault) -> None:
    for path in fault.drop:
        _drop(content, path.split("."))
    if fault.unknown_fields and isinstance(content, dict):
        _add_unknown(content)


def _drop(content: Any, path: list[str]) -> None:
    """Take a field away; a path leads through objects, and through all elements of lists."""
    if isinstance(content, list):
        for element in content:
            _drop(element, path)
    elif isinstance(content, dict):
        name, *rest = path
        if not rest:
            content.pop(name, None)
        else:
            _drop(content.get(name), rest)


def _add_unknown(content: dict[str, Any]) -> None:
    choices = content.get("choices")
    for target in [content, *(choices if isinstance(choices, list) else ())]:
        if isinstance(target, dict):
            target[UNKNOWN_FIELD] = {"of": ["no", "known", "meaning"]}
