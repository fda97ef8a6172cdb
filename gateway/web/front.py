"""What every request of the callers' port goes through: one function around each.

It gives the request its id, finds route, key and group, turns errors into answers, and tells the
events and the access log what happened. There is no middleware stack: what every request needs is
in this file, in order.
"""

from gateway.domain import groups
from gateway.domain.client_address import client_address
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.usage.outcomes import CLIENT_CLOSED_REQUEST
from gateway.ports.exchange import Exchange
from gateway.web import access_line, problems
from gateway.web.context import NOBODY, Caller, Context
from gateway.web.ids import REQUEST_ID_HEADER, caller_request_id, id_headers
from gateway.web.inbound import Inbound
from gateway.web.keys import presented_key
from gateway.web.responses import Response
from gateway.web.routes import UNROUTED, Route, find_route, protocol_of


class Front:
    """Handles every request of the callers' port."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def handle(self, request: Inbound) -> Response | None:
        """The answer to one request; None when it was streamed. Raises ConnectionError."""
        context = self._context
        exchange = Exchange(context.new_id(), UNROUTED, context.clock.monotonic())
        exchange.caller_request_id = caller_request_id(request.headers)
        try:
            route = find_route(request.method, request.path)
            exchange.route = route.name
            caller = await self._admit(request, route, exchange) if route.needs_key else NOBODY
            response = await route.endpoint(context, request, caller, exchange)
            return None if response is None else self._labelled(request, response, exchange)
        except GatewayError as error:
            response = await self._refused(request, error, exchange)
            return self._labelled(request, response, exchange)
        except ConnectionError:
            # The caller went away while being written to; there is nobody to answer.
            raise
        except Exception as error:
            return self._labelled(request, self._defect(request, error, exchange), exchange)
        finally:
            self._end(exchange)

    def _end(self, exchange: Exchange) -> None:
        context = self._context
        seconds = context.clock.monotonic() - exchange.started
        # A caller that leaves cancels its task: then there was no status.
        exchange.status = exchange.status or CLIENT_CLOSED_REQUEST
        context.metering.end(exchange)
        context.events.request_ended(exchange, seconds)
        # Before the trace ends, so that the line names it.
        access_line.write(exchange, seconds)
        if exchange.trace is not None:
            exchange.trace.end(exchange)

    def _defect(self, request: Inbound, error: Exception, exchange: Exchange) -> Response:
        access_line.write_defect(exchange, error)
        refusal = problems.unexpected()
        exchange.fault = refusal.fault.value
        return problems.error_response(refusal, protocol_of(request.path), exchange.request_id)

    async def _admit(self, request: Inbound, route: Route, exchange: Exchange) -> Caller:
        presented = presented_key(request.headers)
        key = await self._context.callers.identify(presented, self._address(request))
        # Nothing waits from here on: key and group are of one reading of the configuration.
        group = self._context.groups.get(key.group)
        if group is None:
            # The database may hold keys of groups that the configuration has no more.
            message = "The API key's group is not configured here; ask the gateway's operators."
            raise GatewayError(Fault.POLICY_GROUP, message)
        exchange.key, exchange.group, exchange.platform = key.id, group.id, group.platform
        self._context.events.request_started(exchange)
        tracing = self._context.tracing
        if tracing is not None:
            traceparent = request.headers.get("traceparent")
            exchange.trace = tracing.begin(exchange, request.method, traceparent)
        if route.is_inference:
            self._context.metering.begin(exchange)
        groups.check_platform(group, route.platform)
        return Caller(key, group)

    async def _refused(self, request: Inbound, error: GatewayError, exchange: Exchange) -> Response:
        exchange.fault = error.fault.value
        was_late = True
        if problems.turns_away(error.fault):
            self._context.audit.refused(error.fault, self._address(request), exchange.key)
        if error.fault is Fault.POLICY_GUESSING:
            was_late = await self._context.late_answers.wait()
        protocol = protocol_of(request.path)
        response = problems.error_response(error, protocol, exchange.request_id)
        if not was_late:
            # Too many wait: the one that was not held up would guess on.
            response.closes = True
        return response

    def _address(self, request: Inbound) -> str:
        forwarded = request.headers.getall("x-forwarded-for", ())
        return client_address(request.remote, forwarded, self._context.trusted_proxies)

    def refuse(self, is_ours: bool) -> Response:
        """The answer to what never was a request: it could not be read, or we failed badly."""
        exchange = Exchange(self._context.new_id(), UNROUTED, self._context.clock.monotonic())
        error = problems.unexpected() if is_ours else problems.malformed()
        exchange.fault = error.fault.value
        response = problems.error_response(error)
        exchange.status = response.status
        response.headers[REQUEST_ID_HEADER] = exchange.request_id
        response.closes = True
        self._context.events.request_ended(exchange, 0.0)
        access_line.write(exchange, 0.0)
        return response

    def _labelled(self, request: Inbound, response: Response, exchange: Exchange) -> Response:
        exchange.status = response.status
        response.headers.update(id_headers(exchange))
        # Nothing can follow on a connection whose body could not be read.
        response.closes = response.closes or request.is_broken or request.is_aged
        return response
