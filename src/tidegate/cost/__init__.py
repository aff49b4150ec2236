"""What a month on Azure costs: a workload, a place, and a dated table of prices."""

from tidegate.cost.bill import Bill, Line, bill, break_even
from tidegate.cost.prices import Price, prices
from tidegate.cost.workload import ENVIRONMENTS, WORKLOADS, Environment, Workload

__all__ = [
    "ENVIRONMENTS",
    "WORKLOADS",
    "Bill",
    "Environment",
    "Line",
    "Price",
    "Workload",
    "bill",
    "break_even",
    "prices",
]
