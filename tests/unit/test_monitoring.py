"""Dashboard, alerts and docs/metrics.md name only metrics that are counted, and all that are counted are documented."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from local_stack.metrics_page import PARTS, full_name, metrics_of, page

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "monitoring/prometheus/alerts.yml"
DASHBOARDS = sorted((ROOT / "monitoring/grafana").glob("*.json"))
METRICS = {full_name(one): one for modules in PARTS.values() for module in modules for one in metrics_of(module)}


def served_names() -> set[str]:
    names = set(METRICS)
    for name, metric in METRICS.items():
        if next(iter(metric.describe())).type == "histogram":
            names |= {f"{name}_bucket", f"{name}_sum", f"{name}_count"}
    return names


def expressions() -> list[str]:
    rules = [rule["expr"] for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
    dashboards = [json.loads(path.read_text()) for path in DASHBOARDS]
    return rules + [target["expr"] for one in dashboards for panel in one["panels"] for target in panel["targets"]]


def test_every_metric_that_is_looked_at_is_counted() -> None:
    named = {name for expression in expressions() for name in re.findall(r"\bc360_[a-z_]+", expression)}
    assert named
    assert named <= served_names()


def test_every_alert_says_what_happened_and_what_to_do() -> None:
    runbooks = (ROOT / "docs/runbooks.md").read_text()
    rules = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
    for rule in rules:
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["runbook"]
        assert rule["alert"] in runbooks
    assert len({rule["alert"] for rule in rules}) == len(rules)


@pytest.mark.parametrize("name", METRICS)
def test_names_follow_the_conventions(name: str) -> None:
    kind = next(iter(METRICS[name].describe())).type
    assert name.startswith("c360_")
    assert name.endswith("_total") == (kind == "counter")
    assert not re.search(r"_(ms|milliseconds|minutes|kb|mb)(_|$)", name)


def test_the_page_is_current() -> None:
    assert (ROOT / "docs/metrics.md").read_text() == page(), "run `make docs`"


@pytest.fixture(scope="module")
def promtool() -> str:
    """Path of Prometheus' own checker, which is downloaded where that can be done."""
    environment = {**os.environ, "VENV": sys.prefix}
    found = subprocess.run([ROOT / ".ci/promtool"], env=environment, capture_output=True, text=True, check=False)
    if found.returncode != 0:
        pytest.skip(found.stderr.strip())
    return found.stdout.strip()


@pytest.mark.timeout(600)  # the download
def test_prometheus_takes_its_files(promtool: str) -> None:
    checked = [promtool, "check", "config", "--lint=all", "--lint-fatal", str(ALERTS.with_name("prometheus.yml"))]
    done = subprocess.run(checked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "alerts.yml" in done.stdout


@pytest.mark.timeout(600)
def test_prometheus_understands_what_the_dashboards_ask(promtool: str, tmp_path: Path) -> None:
    asked = [expression.replace("$__rate_interval", "1m") for expression in expressions()]
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(asked)]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    checked = [promtool, "check", "rules", str(tmp_path / "rules.yml")]
    done = subprocess.run(checked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(asked)} rules found" in done.stdout


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_grafana_knows_every_word_of_a_dashboard(path: Path) -> None:
    written = json.loads(path.read_text())
    register_default_plugins()
    understood = json.loads(JSONEncoder().encode(Dashboard.from_json(written)))
    assert list(lost(written, understood)) == []


def lost(written: Any, understood: Any, place: str = "") -> Iterator[str]:
    """Where something was written that Grafana's own types did not keep."""
    if isinstance(written, dict) and isinstance(understood, dict):
        for key, value in written.items():
            yield from lost(value, understood.get(key), f"{place}.{key}")
    elif isinstance(written, list) and isinstance(understood, list) and len(written) == len(understood):
        for number, (one, other) in enumerate(zip(written, understood, strict=True)):
            yield from lost(one, other, f"{place}[{number}]")
    elif written != understood:
        yield place


def test_grafana_finds_dashboards_and_prometheus() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    mounts = dict(reversed(volume.split(":")[:2]) for volume in services["grafana"]["volumes"])
    provisioning = ROOT / "monitoring/grafana/provisioning"
    assert mounts["/etc/grafana/provisioning"] == "./monitoring/grafana/provisioning"
    (provider,) = yaml.safe_load((provisioning / "dashboards/c360.yaml").read_text())["providers"]
    assert (ROOT / mounts[provider["options"]["path"]]).resolve() == DASHBOARDS[0].parent
    (source,) = yaml.safe_load((provisioning / "datasources/prometheus.yaml").read_text())["datasources"]
    assert (source["type"], source["url"]) == ("prometheus", "http://prometheus:9090")
    assert "prometheus" in services
