"""The simulated VMRay over loopback, and answers that are odd."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tidegate.adapters.http import HttpClient
from tidegate.adapters.vmray import Options, VmraySandbox
from tidegate.ports import Order, Response
from tidegate.simulator.seed import LOADER, digest

RECORDED = Path(__file__).parents[4] / "shared" / "data" / "defender-vmray"
REPORT = timedelta(seconds=15)
ORDER = Order("n-1", "da63-1")


class Key:
    """`ports.Secret` of given values: the next one counts once the one before was refused."""

    def __init__(self, *values):
        self.values = list(values)
        self.reads = 0

    def value(self):
        return self.values[0]

    def renewed(self, instead_of):
        self.reads += 1
        if self.values[0] == instead_of and len(self.values) > 1:
            self.values.pop(0)
        return self.values[0]


class Canned:
    """`ports.Http` that gives prepared answers in turn, and remembers what it was asked."""

    def __init__(self, *answers):
        self.answers = iter(answers)
        self.asked = []

    def request(self, method, url, **more):
        self.asked.append((method, url.partition("/rest/")[2], more))
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Response):
            return answer
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return Response(200, {}, body)


@pytest.fixture
def http(clock):
    with HttpClient(allow_private=True, retries=0, clock=clock) as made:
        yield made


@pytest.fixture
def vmray(tenant, clock, http):
    def made(key=None, **options):
        return VmraySandbox(http, tenant.url, key or Key("simulated"), Options(**options), clock)

    return made


@pytest.fixture
def told(tenant):
    """Tell the tenant what it will find in a file or at a URL."""

    def tell(what, **outcome):
        key = what if isinstance(what, str) else digest(what)
        tenant.scene.memory.put("outcomes", key, outcome)
        return key

    return tell


@pytest.fixture
def flag(tenant):
    """Set something of the simulated VMRay itself."""
    return lambda name, **values: tenant.scene.memory.put("vmray", name, values)


@pytest.fixture
def submit(tmp_path):
    def submitted(sandbox, data=LOADER, name="a.exe", order=ORDER):
        file = tmp_path / "sample"
        file.write_bytes(data)
        return sandbox.submit_file(name, file, order)

    return submitted


@pytest.fixture
def reported(vmray, submit, clock):
    """Submit the file, wait until all is there, and return the report."""

    def report(data, sandbox=None):
        sandbox = sandbox or vmray()
        ids = submit(sandbox, data)
        clock.now += REPORT
        return sandbox.report(tuple(sandbox.submission(one).sample for one in ids))

    return report


@pytest.fixture
def canned():
    """A sandbox that is given prepared answers in turn."""

    def made(*answers, **options):
        return VmraySandbox(Canned(*answers), "https://v.example", Key("k"), Options(**options))

    return made


@pytest.fixture
def key_of():
    return Key


@pytest.fixture
def recorded():
    def read(name):
        if not RECORDED.is_dir():
            pytest.skip("the collection of recordings is not beside the project")
        return (RECORDED / name).read_bytes()

    return read
