"""Manifests of Kubernetes: every object is valid by the schemas of the oldest and newest supported release."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

KUBERNETES = Path(__file__).parents[2] / "deploy" / "kubernetes"
BASE = KUBERNETES / "base"
OVERLAYS = ("production", "single")
RELEASES = ("1.32", "1.37")
NAME_OF_SETTINGS = re.compile(r"recsys-settings-\w+")

Manifest = Mapping[str, Any]


def manifests(text: str) -> list[dict[str, Any]]:
    return [dict(document) for document in yaml.safe_load_all(text) if document]


def in_base() -> list[dict[str, Any]]:
    names = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
    return [manifest for name in names for manifest in manifests((BASE / name).read_text())]


def pods(objects: list[dict[str, Any]]) -> list[Manifest]:
    """The specification of every pod that they start."""
    templates = [
        manifest["spec"]["jobTemplate"]["spec"]["template"]
        if manifest["kind"] == "CronJob"
        else manifest["spec"]["template"]
        for manifest in objects
        if manifest["kind"] in ("CronJob", "Deployment")
    ]
    return [template["spec"] for template in templates]


@pytest.fixture(scope="module", params=OVERLAYS)
def rendered(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    """The objects of an overlay as `kubectl apply -k` sends them."""
    if shutil.which("kubectl") is None:
        pytest.skip("this machine has no kubectl")
    command = ["kubectl", "kustomize", str(KUBERNETES / "overlays" / request.param)]
    return manifests(subprocess.check_output(command, text=True))


@pytest.mark.parametrize("release", RELEASES)
def test_every_object_of_the_base_is_valid_by_the_schemas(release: str) -> None:
    for manifest in in_base():
        kubernetes_validate.validate(manifest, release, strict=True)


def test_a_misspelt_field_is_refused() -> None:
    wrong = yaml.safe_load((BASE / "service.yaml").read_text())
    wrong["spec"]["selektor"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="selektor"):
        kubernetes_validate.validate(wrong, RELEASES[0], strict=True)


def test_every_object_of_an_overlay_is_valid_by_the_schemas(rendered: list[dict[str, Any]]) -> None:
    for manifest in rendered:
        kubernetes_validate.validate(manifest, RELEASES[-1], strict=True)


def test_the_pods_of_an_overlay_mount_settings_that_it_makes(rendered: list[dict[str, Any]]) -> None:
    made = {manifest["metadata"]["name"] for manifest in rendered if manifest["kind"] == "ConfigMap"}
    mounted = {
        volume["configMap"]["name"] for pod in pods(rendered) for volume in pod["volumes"] if "configMap" in volume
    }
    assert mounted == made
    assert all(NAME_OF_SETTINGS.fullmatch(name) for name in made)  # another content, another name: pods start anew


def test_every_part_selects_the_pods_of_the_service(rendered: list[dict[str, Any]]) -> None:
    (deployment,) = (manifest for manifest in rendered if manifest["kind"] == "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"].items()
    for manifest in rendered:
        match manifest["kind"]:
            case "Service":
                assert manifest["spec"]["selector"].items() <= labels
            case "PodDisruptionBudget":
                assert manifest["spec"]["selector"]["matchLabels"].items() <= labels
            case "HorizontalPodAutoscaler":
                assert manifest["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]


def test_no_pod_runs_as_root_or_writes_to_its_image(rendered: list[dict[str, Any]]) -> None:
    for pod in pods(rendered):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 10001  # of the image
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            security = container["securityContext"]
            assert (security["readOnlyRootFilesystem"], security["allowPrivilegeEscalation"]) == (True, False)
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert "memory" in container["resources"]["limits"]
            assert {"/var/lib/recsys", "/tmp"} <= {mount["mountPath"] for mount in container["volumeMounts"]}


def test_a_pod_has_longer_to_end_than_its_drain_takes() -> None:
    (deployment,) = (manifest for manifest in in_base() if manifest["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    _, seconds = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    assert int(seconds) + 10 < pod["terminationGracePeriodSeconds"]


def test_one_pod_alone_replaces_what_several_need() -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("this machine has no kubectl")
    single = manifests(
        subprocess.check_output(["kubectl", "kustomize", str(KUBERNETES / "overlays" / "single")], text=True)
    )
    kinds = sorted(manifest["kind"] for manifest in single)
    assert kinds == ["ConfigMap", "Deployment", "NetworkPolicy", "PersistentVolumeClaim", "Service"]
    (deployment,) = (manifest for manifest in single if manifest["kind"] == "Deployment")
    assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]) == (1, {"type": "Recreate"})
