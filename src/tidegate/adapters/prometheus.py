"""Metrics as Prometheus reads them. Loads the OpenTelemetry SDK: only where they are wanted."""

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest


class Exposition:
    """A provider of meters, and their figures as text.

    Other `readers` may send them elsewhere, with the `resource` that they are of.
    """

    content_type = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self, *readers: MetricReader, resource: Resource | None = None) -> None:
        self._registry = CollectorRegistry()
        own = PrometheusMetricReader(
            disable_target_info=True, scope_info_enabled=False, registry=self._registry
        )
        self.provider = MeterProvider([own, *readers], resource, shutdown_on_exit=False)

    def text(self) -> bytes:
        """Return all figures as they are now."""
        return generate_latest(self._registry)

    def close(self) -> None:
        """Stop reading."""
        self.provider.shutdown()
