"""streams/runtime/README.md claims only what a test shows."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
README = (ROOT / "streams" / "runtime" / "README.md").read_text()


def _tests() -> dict[str, str]:
    """Name → the source of its decorators and arguments, of every test of the loop."""
    found: dict[str, str] = {}
    for path in (ROOT / "tests" / "integration" / "loop").glob("test_*.py"):
        source = path.read_text()
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                found[node.name] = source
    return found


def _failpoints() -> set[str]:
    code = "\n".join(path.read_text() for path in (ROOT / "streams" / "runtime").glob("*.py"))
    return set(re.findall(r'failpoint\("([^"]+)"\)', code))


def test_every_test_that_the_readme_names_exists() -> None:
    """A renamed test, or parameter, must be renamed there as well."""
    tests = _tests()
    named = re.findall(r"`(test_\w+)(?:\[([^\]]+)\])?`", README)
    assert len(named) > 20
    for name, parameter in named:
        assert name in tests, name
        assert not parameter or f'"{parameter}"' in tests[name], f"{name}[{parameter}]"


def test_every_failpoint_has_its_row_in_the_crash_table() -> None:
    """A new step between two others needs its row, and its test."""
    rows = set(re.findall(r"test_crash_at\[([^\]]+)\]", README))
    assert rows == _failpoints()


def test_no_test_of_the_loop_is_left_out() -> None:
    """Who reads the document finds every claim that is tested."""
    unnamed = {name for name in _tests() if f"`{name}" not in README}
    assert unnamed <= {
        "test_outputs_state_and_offsets_are_committed_together",
        "test_golden_outputs_are_plain_avro",
    }
