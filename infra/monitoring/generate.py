"""Writes rules for Prometheus, their tests, dashboards for Grafana, the runbook and the page of metrics, from the code.

python -m infra.monitoring.generate           write them
python -m infra.monitoring.generate --check   exit 1 if one of them is not what the code says
"""

from __future__ import annotations

import sys

from infra.generated import Files, as_yaml
from infra.generated import main as write_or_check
from infra.monitoring import metrics_page, runbook
from infra.monitoring.boards import every
from infra.monitoring.prometheus import rule_file, test_file
from infra.monitoring.rules import GROUPS

RULES = "infra/monitoring/rules"
RULE_TESTS = "infra/monitoring/rule_tests"
MADE_BY = "infra.monitoring.generate"


def files() -> Files:
    """Path from the root of the repository -> content."""
    return {
        **{f"{RULES}/{g.name}.yaml": as_yaml([rule_file(g)], MADE_BY) for g in GROUPS},
        **{f"{RULE_TESTS}/{g.name}.yaml": as_yaml([test_file(g)], MADE_BY) for g in GROUPS},
        **every.files(),
        runbook.PATH: runbook.page(GROUPS),
        metrics_page.PATH: metrics_page.page(GROUPS),
    }


def main(argv: list[str] | None = None) -> int:
    return write_or_check(MADE_BY, __doc__, files, argv, [RULES, RULE_TESTS, every.FOLDER])


if __name__ == "__main__":
    sys.exit(main())
