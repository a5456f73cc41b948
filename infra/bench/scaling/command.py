"""What `python -m infra.bench scaling` does: run, print, draw, judge."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from infra.bench.scaling.run import Run
from infra.bench.scaling.shape import Shape
from infra.bench.scaling.table import as_object, table
from infra.cluster import LocalCluster

HEAP_MB = 512


def main(shape: Shape, *, nodes: int, plot: Path | None, folder: Path | None, as_json: bool) -> int:
    """The exit code: 1 when something was lost, doubled or early, or has no end.

    Raises ClusterError, TimeoutError, KafkaException.
    """
    if plot is not None:
        import matplotlib  # noqa: F401  # that it is missing shall not be found out after three minutes

    def progress(line: str) -> None:
        click.echo(line, err=as_json)

    with (
        _folder(folder) as where,
        LocalCluster.start(where / "cluster", nodes=nodes, progress=progress, heap_mb=HEAP_MB) as cluster,
    ):
        result = Run(cluster, where, shape, progress).run(nodes)
    click.echo(json.dumps(as_object(result)) if as_json else table(result))
    if plot is not None:
        from infra.bench.scaling.plot import draw

        draw(result, plot)
    return 0 if result.fine else 1


@contextmanager
def _folder(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield Path(tempfile.mkdtemp(prefix="scaling-", dir=folder))
        return
    with tempfile.TemporaryDirectory(prefix="bench-scaling-") as name:
        yield Path(name)
