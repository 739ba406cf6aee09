"""The workflows of GitHub and the Terraform example, as far as can be told without either."""

import re
from pathlib import Path

import pytest

from events import topics

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TERRAFORM = ROOT / "deploy" / "terraform"


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow(workflow: Path) -> None:
    text = workflow.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    asked = set(re.findall(r"run: make ([a-z-]+)", text))
    listed = re.search(r"target: \[(.*)\]", text)
    assert asked | set(listed[1].split(", ") if listed else []) <= targets
    assert re.search(r"^permissions:\n  contents: read$", text, re.MULTILINE)
    uses = re.findall(r"uses: (\S+)", text)
    assert uses
    assert all(one.startswith("./") or re.search(r"@(v\d+|release/v\d+|[0-9a-f]{40})$", one) for one in uses)


def test_every_supported_python_is_tested() -> None:
    matrix = re.search(r"python: \[(.*)\]", (ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert matrix
    versions = re.findall(r'"3\.(\d+)"', matrix[1])
    lowest = re.search(r'requires-python = ">=3\.(\d+)"', (ROOT / "pyproject.toml").read_text())
    assert lowest
    assert [int(one) for one in versions] == list(range(int(lowest[1]), 15))


def test_the_example_of_variables_names_all_of_them() -> None:
    declared = re.findall(r'^variable "(\w+)"', (TERRAFORM / "variables.tf").read_text(), re.MULTILINE)
    named = re.findall(r"^(\w+) +=", (TERRAFORM / "terraform.tfvars.example").read_text(), re.MULTILINE)
    assert sorted(named) == sorted(declared)
    used = "".join(path.read_text() for path in TERRAFORM.glob("*.tf"))
    assert [name for name in declared if f"var.{name}" not in used] == []


def test_the_topics_in_the_cloud_are_ours() -> None:
    text = (TERRAFORM / "kafka.tf").read_text()
    policies = dict(re.findall(r'^    (\w+) += \{ cleanup_policy = "(\w+)" \}', text, re.MULTILINE))
    assert policies == {topic.name: topic.config["cleanup.policy"] for topic in topics.ALL}
