"""The simulated tenant on loopback, on a clock that the test turns."""

from datetime import UTC, datetime, timedelta

import pytest

from tidegate.simulator.server import Tenant

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANALYSIS = timedelta(seconds=10)


class Clock:
    now = START

    def __call__(self):
        return self.now


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    made = Tenant(tmp_path_factory.mktemp("tenant"), ANALYSIS, Clock())
    made.url = made.start()
    yield made
    made.stop()


@pytest.fixture
def tenant(served):
    served.clock.now = START
    served.reset()
    return served


@pytest.fixture
def clock(tenant):
    return tenant.clock
