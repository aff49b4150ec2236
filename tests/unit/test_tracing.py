"""Work goes on in the trace it came from, and a span tells no text of an error."""

import logging

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tidegate import tracing

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    kept, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(tracing, "tracer", provider.get_tracer("tidegate"))
    return kept


def test_work_goes_on_in_its_trace_and_names_it_to_whom_comes_next(spans):
    with tracing.continued("run_feed", PARENT):
        passed_on = tracing.origin()
        with tracing.calling("GET", "https", "feed.example") as answered:
            answered(503)
    call, work = spans.get_finished_spans()
    assert f"{work.context.trace_id:032x}" == f"{call.context.trace_id:032x}" == PARENT[3:35]
    assert passed_on[3:52] == f"{work.context.trace_id:032x}-{work.context.span_id:016x}"
    assert call.attributes["http.response.status_code"] == 503


@pytest.mark.parametrize("parent", ["", "nonsense"])
def test_a_message_without_a_trace_begins_one(spans, parent):
    with tracing.continued("run_feed", parent):
        assert tracing.origin()
    [work] = spans.get_finished_spans()
    assert work.parent is None


def test_a_span_tells_the_kind_of_an_error_and_the_log_its_text(spans, caplog):
    secret = "https://evil.example/a?u=lee@corp.example"
    with (
        caplog.at_level(logging.ERROR, "tidegate"),
        pytest.raises(ValueError, match="evil"),
        tracing.continued("run_feed", ""),
        tracing.calling("GET", "https", "feed.example"),
    ):
        raise ValueError(secret)
    for span in spans.get_finished_spans():
        assert (span.status.description, span.events) == ("ValueError", ())
        assert "evil" not in span.to_json()
    [line] = caplog.records
    assert secret in str(line.exc_info[1])
