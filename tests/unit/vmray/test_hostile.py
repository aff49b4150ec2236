"""Whatever VMRay answers, or somebody in its place, it is read or refused; nothing crashes."""

import json
import random
from datetime import timedelta

import pytest

from tidegate.adapters.vmray import Options, VmraySandbox
from tidegate.model import Entity
from tidegate.ports import BadPayload, Order, Response, SourceDown
from tidegate.simulator.seed import LOADER

JUNK = (
    None, True, 0, -1, 1e308, float("inf"), 10**400, "", "x", "\ud800", "\u202e" * 3, "<" * 9, [],
    {}, [[]], [None], {"a": 1}, "9" * 5_000, "2021-99-99", "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59", "x" * 9_999,
)  # fmt: skip
ASKS = {
    "sample": "sample/{sample}",
    "iocs": "sample/{sample}/iocs",
    "vtis": "sample/{sample}/vtis",
    "mitre_attack": "sample/{sample}/mitre_attack",
    "submission": "submission/{submission}",
    "submissions": "submission/sample/{sample}",
    "analyses": "analysis/submission/{submission}",
    "system": "system_info",
    "quota": "api_key/quota",
}
LISTS = {
    "ips": [{"ip_address": "192.0.2.1"}],
    "emails": [{"subject": "s", "sender": "A <a@x.example>"}],
    "files": [{"hashes": [{"sha256_hash": "aa" * 32}], "categories": ["Dropped File"]}],
}


@pytest.fixture
def answers(tenant, http, told, vmray, submit, clock):
    """One honest answer to each question."""
    vtis = [{"operation": "Connects", "score": 3}]
    told(LOADER, verdict="malicious", threats=["T"], vtis=vtis, techniques=["T1071"], iocs=LISTS)
    [made] = submit(vmray())
    clock.now += timedelta(seconds=15)
    sample = vmray().submission(made).sample
    headers = {"authorization": "api_key simulated"}
    found = {}
    for name, path in ASKS.items():
        where = f"{tenant.url}/rest/{path.format(sample=sample, submission=made)}"
        found[name] = json.loads(http.request("GET", where, headers=headers).body)
    found["samples"] = {"data": [found["sample"]["data"]]}
    found["taken"] = {
        "data": {"errors": [{"error_msg": "e"}], "submissions": [{"submission_id": 1}]}
    }
    return found


class Spoiling:
    """`ports.Http` that answers with what is almost right."""

    def __init__(self, answers, seed):
        self.answers = answers
        self.random = random.Random(seed)  # noqa: S311 - the same answers every time

    def request(self, method, url, **_):
        answer = self.spoiled(self.answers[asked(method, url.partition("/rest/")[2])])
        if isinstance(answer, dict) and self.random.random() < 0.1:
            answer["continuation_id"] = self.random.choice([1, "a", "../x", None])
        body = json.dumps(answer).encode()
        if self.random.random() < 0.02:
            body = body[: self.random.randint(0, len(body))]
        return Response(self.random.choice([200] * 20 + [400, 403, 404, 413]), {}, body)

    def spoiled(self, value):
        if self.random.random() < 0.04:
            return self.random.choice(JUNK)
        if isinstance(value, dict):
            kept = {key: one for key, one in value.items() if self.random.random() > 0.02}
            return {key: self.spoiled(one) for key, one in kept.items()}
        if isinstance(value, list):
            return [self.spoiled(one) for one in value] * self.random.choice([1, 1, 1, 2])
        return value


def asked(method, path):
    if method == "POST":
        return "taken"
    ends = {"system_info": "system", "quota": "quota", "iocs": "iocs", "vtis": "vtis"}
    last = path.rpartition("/")[2]
    if last in {*ends, "mitre_attack"}:
        return ends.get(last, last)
    begins = {
        "analysis": "analyses",
        "sample/sha256": "samples",
        "sample": "sample",
        "submission/s": "submissions",
        "submission/": "submission",
    }
    return next((name for begin, name in begins.items() if path.startswith(begin)), "submissions")


def questions(sandbox):
    order = Order("n", "a", ("t",))
    return (
        lambda: sandbox.report(("1", "2")),
        lambda: sandbox.submission("1"),
        lambda: sandbox.finished("1", 5),
        lambda: sandbox.finished(None, 5),
        lambda: sandbox.submissions(Entity.FILE, "ab" * 32),
        lambda: sandbox.submissions(Entity.URL, "http://x.example/"),
        lambda: sandbox.verdict(("1",)),
        lambda: sandbox.submit_url("http://x.example/", order),
        sandbox.quota,
        sandbox.max_bytes,
    )


class Key:
    def value(self):
        return "k"

    def renewed(self, instead_of):
        return "k"


def test_any_answer_is_read_or_refused(answers):
    read, said = 0, []
    for seed in range(100):
        options = Options(unlock=seed % 3 == 0)
        sandbox = VmraySandbox(Spoiling(answers, seed), "https://v.example", Key(), options)
        for question in questions(sandbox):
            try:
                repr(question()).encode()
                read += 1
            except (BadPayload, SourceDown) as refused:
                said.append(str(refused))
    assert all(one.isprintable() and len(one) < 1_200 for one in said)
    assert 200 < read < 900
