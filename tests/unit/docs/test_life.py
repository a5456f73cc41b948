"""The page "life of one reminder" says what the map says, and nothing that no file and no test stands behind."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from infra.docs import life
from infra.generated import ROOT, stale, write
from streams import topology
from streams.promises import LOOP, PROMISES, Kept, kept_at
from streams.topology import DOORS, STAGES, Stage, Topic

KEPT = [(promise.id, kept) for promise in PROMISES for kept in promise.kept]


def test_page_and_readme_are_what_the_code_says() -> None:
    """Whoever changes the map or a promise runs `make docs`."""
    assert stale(life.files()) == []


@pytest.mark.parametrize(
    ("id_", "kept"), KEPT, ids=[f"{id_}-{kept.at}-{n}" for n, (id_, kept) in enumerate(KEPT)]
)
def test_every_promise_names_a_file_and_a_test_that_exist(id_: str, kept: Kept) -> None:
    """A file that was moved or a test that was renamed must be told here as well."""
    assert kept.at in {LOOP, *STAGES, *DOORS}, id_
    assert (ROOT / kept.code).is_file(), kept.code
    file, _, name = kept.test.partition("::")
    tree = ast.parse((ROOT / file).read_text())
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert name in functions, kept.test


def test_each_step_of_the_path_keeps_a_promise() -> None:
    """A stage that is added to the map says what it is there for."""
    for place in (*DOORS, *STAGES, LOOP):
        assert kept_at(place), place
    assert [promise.id for promise in PROMISES] == [f"I{n}" for n in range(1, len(PROMISES) + 1)]


def test_the_path_is_walked_over_the_map(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new stage that reads what another writes stands on the page; one that nothing leads to does not."""
    topic = Topic("calls.reviews", "user", "Review", 7 * topology.DAY_MS, "what users thought")
    review = Stage("review", (topology.CHARGES,), (topic,), "asks how it was")
    apart = Stage("apart", (Topic("elsewhere", "any", None),), (), "has nothing to do with it")
    monkeypatch.setitem(STAGES, "review", review)
    monkeypatch.setitem(STAGES, "apart", apart)
    assert [stage.name for stage in life.path()][-1] == "review"
    page = life.page()
    assert "`calls.reviews` | what users thought | user | 7 d | review |" in page
    assert "apart" not in life.diagram()


def test_a_stale_page_is_found_and_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the page, in the README's part, or when the page is not there; the rest of the README is left alone."""
    (tmp_path / life.README).write_text(f"# Ours\n{life.BEGIN}\nold\n{life.END}\nmore\n")
    assert stale(life.files(tmp_path), tmp_path) == [life.PAGE, life.README]
    assert write(life.files(tmp_path), tmp_path) == [life.PAGE, life.README]
    assert stale(life.files(tmp_path), tmp_path) == []
    text = (tmp_path / life.README).read_text()
    assert text.startswith(f"# Ours\n{life.BEGIN}\n|")
    assert text.endswith(f"|\n{life.END}\nmore\n")
    monkeypatch.setitem(STAGES, "billing", Stage("billing", (topology.EVENTS,), (), "means something else"))
    assert stale(life.files(tmp_path), tmp_path) == [life.PAGE, life.README]


def test_a_readme_without_its_marks_is_an_error(tmp_path: Path) -> None:
    """Rather than a README that silently goes without."""
    (tmp_path / life.README).write_text("# Ours\n")
    with pytest.raises(ValueError, match="has no"):
        life.files(tmp_path)


def test_the_doors_write_what_the_map_says() -> None:
    """The gateway and the backfill name exactly their topics."""
    constants = {name: value for name, value in vars(topology).items() if isinstance(value, Topic)}
    for door in DOORS.values():
        code = "\n".join(path.read_text() for path in (ROOT / "connectors" / door.name).glob("*.py"))
        imported = {
            alias.name
            for node in ast.walk(ast.parse(code.replace("from __future__ import annotations", "")))
            if isinstance(node, ast.ImportFrom) and node.module == "streams.topology"
            for alias in node.names
        }
        assert {constants[name] for name in imported & set(constants)} == set(door.writes), door.name
