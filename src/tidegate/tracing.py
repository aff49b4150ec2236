"""Traces across processes, by OpenTelemetry's API: where nobody set it up, nothing is traced."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

log = logging.getLogger(__name__)
tracer = trace.get_tracer("tidegate")
_words = TraceContextTextMapPropagator()


def origin() -> str:
    """Return where we are in which trace, as `traceparent` says it; nothing outside of any."""
    carrier: dict[str, str] = {}
    _words.inject(carrier)
    return carrier.get("traceparent", "")


@contextmanager
def continued(what: str, parent: str) -> Iterator[None]:
    """Work on something within the trace that it came from; `parent` is that one's `origin`."""
    here = trace.get_current_span().get_span_context()
    links = [Link(here)] if here.is_valid else []
    within = _words.extract({"traceparent": parent}) if parent else None
    with _spanned(what, within, SpanKind.CONSUMER, links=links):
        try:
            yield
        except Exception:  # whoever expects a fault takes it inside
            log.exception("%s failed", what)
            raise


@contextmanager
def heard(headers: Mapping[str, str]) -> Iterator[None]:
    """Work within the trace that a request's headers name, unless the platform told us already."""
    if trace.get_current_span().get_span_context().is_valid:
        yield
        return
    token = context.attach(_words.extract(dict(headers)))
    try:
        yield
    finally:
        context.detach(token)


@contextmanager
def calling(method: str, scheme: str, host: str) -> Iterator[Callable[[int], None]]:
    """Call another server; yield what takes the status of its answer.

    Paths and queries are not told: they hold indicators and keys.
    """
    about = {
        "http.request.method": method,
        "server.address": host,
        "url.full": f"{scheme}://{host}/",
    }
    with _spanned(method, None, SpanKind.CLIENT, attributes=about) as span:
        yield lambda status: span.set_attribute("http.response.status_code", status)


@contextmanager
def _spanned(what: str, within: Context | None, kind: SpanKind, **about: Any) -> Iterator[Span]:
    """Trace a span that tells the kind of an error alone: its text may hold what nobody may read.

    That is for log lines, which are made discreet before they are sent.
    """
    with tracer.start_as_current_span(
        what, within, kind, record_exception=False, set_status_on_exception=False, **about
    ) as span:
        try:
            yield span
        except Exception as error:
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
