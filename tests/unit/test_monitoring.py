"""Dashboard, alerts and docs/metrics.md name only metrics that are counted, and all that are counted are documented."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

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


def test_the_rules_are_good_for_prometheus() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool (Debian: package prometheus) is not installed")
    done = subprocess.run([promtool, "check", "rules", str(ALERTS)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
