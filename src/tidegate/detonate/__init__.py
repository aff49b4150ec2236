"""The use case `detonate`: from an alert's evidence to a verdict, and what is done about it."""

from tidegate.detonate.intake import poll, receive
from tidegate.detonate.worker import run, step, work
from tidegate.detonate.world import Later, Policy, World, hurried

__all__ = ["Later", "Policy", "World", "hurried", "poll", "receive", "run", "step", "work"]
