"""Classify an alert that nobody has classified, once its evidence is malicious or all clean."""

from collections.abc import Iterator

from tidegate.model import Case, Do, Effect, Verdict

REVERSIBLE = False
MEANING = {
    Verdict.MALICIOUS: "TruePositive Malware",
    Verdict.CLEAN: "FalsePositive NotMalicious",
}


def plan(case: Case) -> Iterator[Effect]:
    """Yield one effect whose text is classification and determination, as Defender spells them."""
    verdicts = {artefact.verdict for artefact in case.artefacts}
    clear = case.verdict is Verdict.MALICIOUS or verdicts == {Verdict.CLEAN}
    free = case.alert is not None and case.alert.classification in {None, "", "Unknown"}
    if case.verdict in MEANING and clear and free:
        yield Effect(Do.CLASSIFY_ALERT, target=case.id, text=MEANING[case.verdict])
