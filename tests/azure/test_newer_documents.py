"""Documents that a newer version left in Cosmos DB: what it added is left out, and stops nobody."""

from datetime import UTC, datetime
from typing import Any

import pytest
from cosmos_lab import put, seen

from tidegate.model import Case, Outcome, Run, Status
from tidegate.ports import BadPayload

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 20, 5, tzinfo=UTC)
NAMES = "rejected"  # whose keys are reasons, not fields


def test_documents_in_cosmos_may_have_more_fields(cosmos):
    put(cosmos.store(), seen("a.example"))
    cases, runs, ledger = cosmos.cases(), cosmos.runs(), cosmos.ledger()
    cases.create(Case("a1", NOW))
    runs.record(Run("r1", NOW, Outcome("a", Status.OK)))
    ledger.begin("scope:key", "owner", NOW)
    before = _said(cosmos)
    for container in cosmos.standin.containers.values():
        for part in container.parts.values():
            part.update({name: _more(one) for name, one in part.items()})
    assert _said(cosmos) == before
    cases.save(cases.get("a1"))
    ledger.finish("scope:key", "done", NOW)
    assert (cases.get("a1").version, ledger.get("scope:key").done) == (2, True)


def _said(cosmos) -> Any:
    known, indicator = cosmos.store(), seen("a.example").indicator
    documents = cosmos.cases().newest(9), cosmos.runs().newest(None, 9), cosmos.ledger().of("scope")
    return known.of(indicator), documents


def test_a_case_in_cosmos_that_nobody_can_read_holds_up_no_other(cosmos, caplog):
    cases = cosmos.cases()
    for name in ("a1", "a2"):
        cases.create(Case(name, NOW))
    cosmos.standin.documents("cases")["a1"]["case"]["stage"] = "later"
    with pytest.raises(BadPayload, match="case a1 cannot be read: stage"):
        cases.get("a1")
    assert [one.id for one in cases.unfinished(9)] == ["a2"]
    assert "case a1" in caplog.text


def _more(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    told = {key: one if key == NAMES else _more(one) for key, one in value.items()}
    return told | {"of_a_later_version": [1]}
