"""What really happened, held against what was promised: shared by the worst cases (tests) and the benchmarks."""

from infra.oracle.checker import Event, History, Row, Verdict, judge
from infra.oracle.records import Records

__all__ = ["Event", "History", "Records", "Row", "Verdict", "judge"]
