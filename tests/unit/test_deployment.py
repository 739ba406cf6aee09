"""What is deployed by files: Kubernetes manifests against the API's own schemas, and what compose must not say."""

import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from c360.__main__ import COMMANDS

_ROOT = Path(__file__).parents[2]
_MANIFESTS = _ROOT / "deploy" / "kubernetes"
_KUBERNETES = "1.33"


def _objects() -> list[dict[str, Any]]:
    named = yaml.safe_load((_MANIFESTS / "kustomization.yaml").read_text())["resources"]
    assert {path.name for path in _MANIFESTS.glob("*.yaml")} == {*named, "kustomization.yaml"}
    return [one for name in named for one in yaml.safe_load_all((_MANIFESTS / name).read_text())]


_OBJECTS = _objects()
_PODS = {
    one["metadata"]["name"]: one["spec"]["template"]["spec"] for one in _OBJECTS if "template" in one.get("spec", {})
}


@pytest.mark.parametrize("manifest", _OBJECTS, ids=lambda one: f"{one['kind']} {one['metadata']['name']}")
def test_manifests_are_what_kubernetes_takes(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, _KUBERNETES, strict=True)


def _named(name: str) -> dict[str, dict[str, Any]]:
    return {one["kind"]: one for one in _OBJECTS if one["metadata"]["name"] == name}


@pytest.mark.parametrize(("name", "kind"), [("processor", "StatefulSet"), ("api", "Deployment")])
def test_what_runs_may_be_updated_and_drained(name: str, kind: str) -> None:
    of = _named(name)
    spec = of[kind]["spec"]
    assert of["PodDisruptionBudget"]["spec"]["selector"] == spec["selector"]
    pod = spec["template"]["spec"]
    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()
    assert pod["securityContext"]["runAsNonRoot"]
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        assert container["args"][0] in {command for command, *_ in COMMANDS}
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert {"requests", "limits"} <= container["resources"].keys()
    for container in pod["containers"]:
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()


def test_a_processor_that_is_replaced_keeps_its_name_and_is_back_within_its_session() -> None:
    of = _named("processor")
    spec = of["StatefulSet"]["spec"]
    assert of["Service"]["metadata"]["name"] == spec["serviceName"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    (name,) = [one for one in container["env"] if one["name"] == "C360_GROUP_INSTANCE_ID"]
    assert name["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
    session = int(_named("c360")["ConfigMap"]["data"]["KAFKA_SESSION_TIMEOUT_SECONDS"])
    assert session > pod["terminationGracePeriodSeconds"]


@pytest.mark.parametrize("pod", _PODS.values(), ids=_PODS)
def test_pods_are_let_into_a_namespace_that_is_restricted(pod: dict[str, Any]) -> None:
    (namespace,) = (one for one in _OBJECTS if one["kind"] == "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert all({"secret", "emptyDir"} & volume.keys() for volume in pod["volumes"])


def test_what_manifests_set_is_a_setting() -> None:
    listed = (_ROOT / "docs" / "settings.md").read_text()
    configured = [name for one in _OBJECTS if one["kind"] == "ConfigMap" for name in one["data"]]
    containers = [container for pod in _PODS.values() for container in pod["containers"]]
    given = [variable["name"] for container in containers for variable in container.get("env", [])]
    names = {name.removesuffix("_FILE") if name.endswith("PASSWORD_FILE") else name for name in [*configured, *given]}
    assert {"processor", "api"} <= _PODS.keys()
    assert [name for name in sorted(names) if f"`{name}`" not in listed] == []


def test_compose_has_limits_checks_and_no_password() -> None:
    services = yaml.safe_load((_ROOT / "docker-compose.yml").read_text())["services"]
    for name, service in services.items():
        assert service["read_only"], name
        assert service["mem_limit" if name != "secrets" else "cap_drop"], name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert service.get("restart") is None or "healthcheck" in service or name == "refresher", name
        for variable, value in service.get("environment", {}).items():
            if variable.endswith("PASSWORD"):
                assert str(value).endswith(":-}"), f"{name}: {variable}"


def test_every_package_is_part_of_the_image() -> None:
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["setuptools"]["packages"]["find"]["include"]
    let_in = (_ROOT / ".dockerignore").read_text().splitlines()
    assert {f"!{package.rstrip('*')}" for package in packages} <= set(let_in)
