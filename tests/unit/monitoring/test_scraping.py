"""`up --metrics`: what it tells a Prometheus, and people who have none."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from infra.cli.main import run
from infra.cluster.errors import ClusterError
from infra.cluster.ports import lease_port
from infra.demo.observing import Observing
from infra.deploy import compose
from infra.monitoring.scraping import RULES

PAGES = {"gateway": ["127.0.0.1:1"], "lag": ["127.0.0.1:2"]}


@pytest.mark.needs("promtool")
def test_a_stock_prometheus_takes_the_configuration(tmp_path: Path) -> None:
    """With all rules that it names; and it scrapes what is said to run beside."""
    with ExitStack() as exits:
        scraped = Observing(more={"second": ["127.0.0.1:3"]}).prepare(tmp_path, PAGES, exits)
    done = subprocess.run(
        ["promtool", "check", "config", str(scraped.file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(list(RULES.glob('*.yaml')))} rule files found" in done.stdout
    jobs = yaml.safe_load(scraped.file.read_text())["scrape_configs"]
    assert [job["job_name"] for job in jobs] == ["ringback-gateway", "ringback-lag", "ringback-second"]


def test_without_a_prometheus_the_addresses_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is started, no port is taken, and people are told what is missing and what they can do."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with ExitStack() as exits:
        scraped = Observing().prepare(tmp_path, PAGES, exits)
        assert (scraped.url, scraped.command, scraped.lease) == (None, None, None)
    said = "\n".join(scraped.told())
    assert "no `prometheus` on PATH" in said
    assert str(tmp_path / "prometheus.yaml") in said
    assert "ringback-lag      http://127.0.0.1:2/metrics" in said


@pytest.mark.needs("prometheus")
def test_a_port_that_was_asked_for_is_this_one_or_none(tmp_path: Path) -> None:
    """People who name a port have told it to others."""
    with ExitStack() as exits:
        taken = exits.enter_context(lease_port(None))
        with pytest.raises(ClusterError, match=str(taken.port)):
            Observing(port=taken.port).prepare(tmp_path, PAGES, exits)


def test_the_port_alone_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    """A port of something that is not started is a misunderstanding, and is said before anything starts."""
    assert run(["up", "--prometheus-port", "9091"]) == 2
    assert "--metrics" in capsys.readouterr().err


def test_job_names_are_the_same_in_compose() -> None:
    """`TargetAway` looks at jobs by the beginning of their names, wherever they run."""
    names = [job["job_name"] for job in compose.prometheus()["scrape_configs"]]
    assert {"ringback-gateway", "ringback-lag"} <= set(names)
    assert all(name.startswith("ringback-") for name in names)
