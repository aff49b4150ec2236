"""Traces, logs and figures of a process, sent to Application Insights.

By Azure Monitor's exporter, without the distribution around it, whose instruments would tell whole
addresses: docs/decisions/0017-what-is-told-to-application-insights.md. What cannot be sent is
dropped; nobody waits for it.
"""

import logging
import os
import re
from dataclasses import dataclass
from typing import Any

from azure.core.credentials import TokenCredential
from azure.monitor.opentelemetry.exporter import (
    AzureMonitorLogExporter,
    AzureMonitorMetricExporter,
    AzureMonitorTraceExporter,
)
from opentelemetry import trace
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from tidegate.adapters.discreet import Known, without_values
from tidegate.correlation import Correlated

EVERY = 60_000  # milliseconds between two exports of figures
MADE_UP = re.compile(r"[0-9a-f]{32}")
PATIENCE = 5_000  # milliseconds: what is not sent by then at the end is lost
# An ingestion that takes connections and stays silent would hold an export for five minutes a try.
IMPATIENT = {"timeout": 5.0, "read_timeout": 5.0, "retry_total": 1}
# The exporter's figures about itself are none of ours, wait for minutes where nobody answers, and
# are billed; and nobody switches our exporter from afar.
for unwanted in ("STATSBEAT_DISABLED_ALL", "SDKSTATS_DISABLED", "CONTROLPLANE_DISABLED"):
    os.environ.setdefault(f"APPLICATIONINSIGHTS_{unwanted}", "True")


@dataclass(frozen=True, slots=True)
class Sent:
    """How telemetry is sent: where to, as whom, and how much of it.

    `share` of all traces is kept, from 0 to 1; logs and figures always are. `values` says whether
    texts may hold indicators and names of people; else names stay that are `known`.
    """

    connection: str
    credential: TokenCredential | None
    service: str
    share: float = 1.0
    values: bool = False
    known: Known = lambda _: False


class Telemetry:
    """The exporters of this process, which began with it. One to a process."""

    def __init__(self, sent: Sent) -> None:
        how = {
            "connection_string": sent.connection,
            "credential": sent.credential,
            "disable_offline_storage": True,
            **IMPATIENT,
        }
        about = {"service.namespace": "tidegate", "service.name": sent.service}
        self.resource = resource = Resource.create(about)
        share = TraceIdRatioBased(sent.share)
        # By the trace's id, whoever began it: the host begins one for all that an app ever does.
        sampler = ParentBased(share, remote_parent_sampled=share)
        self._traces = TracerProvider(sampler, resource, shutdown_on_exit=False)
        self._traces.add_span_processor(BatchSpanProcessor(AzureMonitorTraceExporter(**how)))
        trace.set_tracer_provider(self._traces)
        self._logs = LoggerProvider(resource, shutdown_on_exit=False)
        if not sent.values:
            self._logs.add_log_record_processor(_Discreet(sent.known))
        self._logs.add_log_record_processor(BatchLogRecordProcessor(AzureMonitorLogExporter(**how)))
        self._handler = LoggingHandler(logging.INFO, self._logs)
        self._handler.addFilter(Correlated())
        ours = logging.getLogger("tidegate")
        ours.addHandler(self._handler)
        ours.setLevel(logging.INFO)  # whatever the platform's is: alerts ask for these lines
        exporter = AzureMonitorMetricExporter(**how)
        self.reader: MetricReader = PeriodicExportingMetricReader(exporter, EVERY, PATIENCE)

    def flush(self) -> None:
        """Send what waits, in bounded time."""
        self._traces.force_flush(PATIENCE)
        self._logs.force_flush(PATIENCE)
        self.reader.force_flush(PATIENCE)

    def close(self) -> None:
        """Send what waits, and no more. The reader goes with the meters that it reads."""
        ours = logging.getLogger("tidegate")
        ours.removeHandler(self._handler)
        ours.setLevel(logging.NOTSET)
        self._traces.shutdown()
        self._logs.shutdown()


class _Discreet(LogRecordProcessor):
    """Takes indicators and names of people out of texts before they are sent."""

    def __init__(self, known: Known) -> None:
        self._known = known

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        record = log_record.log_record
        record.body = without_values(str(record.body), self._known)
        told = dict(record.attributes or {})
        record.attributes = {name: self._discreet(name, value) for name, value in told.items()}

    def _discreet(self, name: str, value: Any) -> Any:
        # An id of a request that we made up has the length of a hash; `code.` is where a line is.
        ours = name.startswith("code.") or (name == "correlation" and MADE_UP.fullmatch(str(value)))
        if ours or isinstance(value, bool | int | float):
            return value
        return without_values(str(value), self._known)

    def shutdown(self) -> None:
        """There is nothing to end."""

    def force_flush(self, timeout_millis: int = PATIENCE) -> bool:  # noqa: ARG002 - it keeps nothing
        """There is nothing to send."""
        return True
