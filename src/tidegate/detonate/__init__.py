"""The use case `detonate`: from an alert's evidence to a verdict, and what is done about it."""

from tidegate.detonate.decisions import Unknown, approve, reject, undo
from tidegate.detonate.finished import poll_finished
from tidegate.detonate.intake import poll, receive
from tidegate.detonate.recheck import recheck_due
from tidegate.detonate.sweep import sweep
from tidegate.detonate.worker import run, step, work
from tidegate.detonate.world import Later, Policy, World, hurried

__all__ = [
    "Later",
    "Policy",
    "Unknown",
    "World",
    "approve",
    "hurried",
    "poll",
    "poll_finished",
    "receive",
    "recheck_due",
    "reject",
    "run",
    "step",
    "sweep",
    "undo",
    "work",
]
