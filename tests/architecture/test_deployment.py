"""What is deployed is valid: the overlay renders, every object passes its schema, and it names what the code has."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
KUBECTL = Path(sys.executable).parent / "kubectl"
SERVICES = {"profiles": 50051, "interactions": 50052, "recommendations": 50053, "notifications": 50054}
KUBERNETES = kubernetes_validate.latest_version()


@cache
def rendered(overlay: str) -> tuple[dict[str, Any], ...]:
    result = subprocess.run(
        [str(KUBECTL), "kustomize", str(DEPLOY / overlay)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return tuple(yaml.safe_load_all(result.stdout))


def workloads(overlay: str) -> dict[str, dict[str, Any]]:
    kinds = {"Deployment", "StatefulSet", "Job"}
    return {item["metadata"]["name"]: item for item in rendered(overlay) if item["kind"] in kinds}


OVERLAYS = ["base", *sorted(f"overlays/{path.name}" for path in (DEPLOY / "overlays").iterdir())]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_passes_its_schema(overlay: str) -> None:
    items = rendered(overlay)
    assert items
    for item in items:
        kubernetes_validate.validate(item, KUBERNETES, strict=True)


def test_a_misspelt_field_fails_the_schema() -> None:
    broken = workloads("base")["profiles"] | {"spec": {"replica": 2}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, KUBERNETES, strict=True)


@pytest.mark.parametrize(("service", "port"), SERVICES.items())
def test_each_service_listens_where_its_probes_and_its_peers_look(service: str, port: int) -> None:
    container = workloads("base")[service]["spec"]["template"]["spec"]["containers"][0]
    assert container["args"] == [f"services.{service}"]
    assert container["startupProbe"]["grpc"]["port"] == port
    assert container["readinessProbe"]["grpc"]["port"] == port
    assert {"name": "ACQUAINT_RPC__PORT", "value": str(port)} in container["env"]
    (config,) = [item for item in rendered("base") if item["kind"] == "ConfigMap"]
    assert config["data"][f"ACQUAINT_PEERS__{service.upper()}"] == f"{service}:{port}"
    (balanced,) = [i for i in rendered("base") if i["kind"] == "Service" and i["metadata"]["name"] == service]
    assert balanced["spec"]["ports"][0]["port"] == port


def test_nothing_runs_as_root_or_may_become_more_than_it_is() -> None:
    for item in workloads("base").values():
        pod = item["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"]
            assert not context["allowPrivilegeEscalation"]
            assert context["capabilities"] == {"drop": ["ALL"]}


def test_every_variable_that_the_deployment_sets_is_a_setting_that_exists() -> None:
    from services.notifications.settings import Settings as Notifications
    from services.platform.settings import ServiceSettings, variables
    from services.profiles.settings import ProfilesSettings
    from services.recommendations.settings import RecommendationsSettings

    services = (ServiceSettings, ProfilesSettings, Notifications, RecommendationsSettings)
    known = {v.name for each in services for v in variables(each)}
    texts = [path.read_text() for path in DEPLOY.rglob("*") if path.is_file() and path.suffix in {".yaml", ".env"}]
    used = set(re.findall(r"(?<!\{)\bACQUAINT_[A-Z_]+", "\n".join(texts)))
    used -= {"ACQUAINT_DEVELOPMENT_KEY", "ACQUAINT_BASE_IMAGE", "ACQUAINT_MONGO_IMAGE", "ACQUAINT_KAFKA_IMAGE"}
    assert used
    assert used - known == set()


def test_the_image_installs_a_part_of_what_was_tested() -> None:
    def pins(path: Path) -> set[str]:
        return set(re.findall(r"^([\w.-]+(?:\[[\w,]+\])?==\S+)", path.read_text(), flags=re.MULTILINE))

    assert pins(DEPLOY / "requirements.lock")
    assert pins(DEPLOY / "requirements.lock") <= pins(ROOT / "requirements.lock")


def test_the_compose_file_runs_every_service_from_one_image() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for service in SERVICES:
        assert compose["services"][service]["command"] == [f"services.{service}"]
        assert compose["services"][service]["image"] == "acquaint:local"
