"""Draws a dashboard from its JSON and what a Prometheus has seen, without a Grafana.

python -m infra.monitoring.picture --prometheus http://127.0.0.1:9090 --dashboard pipeline --out pipeline.png

It draws panels much as Grafana does, and says below the picture that it was not Grafana. Needs matplotlib (extra
`bench`).
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from infra.generated import ROOT
from infra.monitoring.boards import every
from infra.monitoring.boards.queries import panels
from infra.monitoring.picture.asking import Prometheus, PrometheusError, Span
from infra.monitoring.picture.painting import paint

COLUMNS = 360  # points over time in a picture, about as many as a panel is wide


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m infra.monitoring.picture",
        description=(__doc__ or "").partition("\n")[0],
    )
    parser.add_argument("--prometheus", required=True, metavar="URL", help="such as http://127.0.0.1:9090")
    names = [board.name for board in every.BOARDS]
    parser.add_argument("--dashboard", choices=names, default="pipeline", help="which (pipeline)")
    parser.add_argument("--minutes", type=float, default=10, help="how much of the past (10)")
    parser.add_argument("--scrape-seconds", type=int, default=5, help="how often the Prometheus scrapes (5)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the PNG to write")
    chosen = parser.parse_args(argv)
    until_s = time.time()
    span = Span(
        until_s - chosen.minutes * 60,
        until_s,
        max(1.0, chosen.minutes * 60 / COLUMNS),
        rate_s=4 * chosen.scrape_seconds,
    )
    document = (ROOT / every.FOLDER / f"{chosen.dashboard}.json").read_text()
    below = (
        f"Drawn by `{parser.prog}` from dashboards/{chosen.dashboard}.json and what a Prometheus saw of a run, not by"
        f" Grafana. Times are UTC, of {datetime.fromtimestamp(until_s, UTC):%Y-%m-%d}."
    )
    try:
        paint(document, Prometheus(chosen.prometheus), span, chosen.out, below)
    except PrometheusError as error:
        print(error, file=sys.stderr)
        return 3
    kilobytes = chosen.out.stat().st_size / 1000
    print(f"{chosen.out}: {len(panels(document))} panels, {kilobytes:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
