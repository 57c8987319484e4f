"""Manifests for Kubernetes: as its schemas have them, and as little as a server needs."""

from __future__ import annotations

import sys

import pytest
import yaml

from holdfast.errors import InputError
from holdfast.image.texts.kubernetes import dns_name, kubernetes
from holdfast.uv import run_uv

PINNED = "registry.example:5000/team/churn@sha256:" + "a" * 64
# Strict: a key that the schema does not know is an error.
VALIDATE = """
import sys, yaml, kubernetes_validate
for document in yaml.safe_load_all(open(sys.argv[1])):
    kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
    print(document["kind"])
"""


def _documents():
    return list(yaml.safe_load_all(kubernetes(PINNED, "Churn model")))


def _servers():
    deployment, _, inference = _documents()
    pods = (deployment["spec"]["template"]["spec"], inference["spec"]["predictor"])
    return [(pod, pod["containers"][0]) for pod in pods]


def _validated(path):
    isolated = ["run", "--quiet", "--no-project", "--isolated", "--python", sys.executable]
    packages = ["--with", "kubernetes-validate", "--with", "pyyaml"]
    return run_uv([*isolated, *packages, "python", "-c", VALIDATE, path]).split()


def test_they_are_what_kubernetes_takes(tmp_path):
    """KServe's own type has no schema there; what it holds is a pod's specification."""
    deployment, service, inference = _documents()
    predictor = inference["spec"]["predictor"]
    assert predictor.pop("minReplicas") == 1
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": predictor}
    path = tmp_path / "manifests.yaml"
    path.write_text(yaml.safe_dump_all([deployment, service, pod]))
    assert _validated(path) == ["Deployment", "Service", "Pod"]


def test_the_image_is_named_by_its_digest_and_runs_with_least_rights():
    for pod, server in _servers():
        assert server["image"] == PINNED
        allowed = server["securityContext"]
        assert allowed["runAsNonRoot"]
        assert allowed["readOnlyRootFilesystem"]
        assert allowed["allowPrivilegeEscalation"] is False
        assert allowed["capabilities"] == {"drop": ["ALL"]}
        assert allowed["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        assert [one["mountPath"] for one in server["volumeMounts"]] == ["/tmp"]  # noqa: S108


def test_probes_ask_what_the_server_answers():
    for _, server in _servers():
        asked = {kind: server[f"{kind}Probe"]["httpGet"] for kind in ("startup", "readiness")}
        assert set(map(str, asked.values())) == {str({"path": "/ping", "port": 8000})}
        assert server["livenessProbe"]["httpGet"] == {"path": "/v2/health/live", "port": 8000}


def test_the_service_finds_the_deployments_pods():
    deployment, service, _ = _documents()
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"] == labels
    (port,) = service["spec"]["ports"]
    (server,) = deployment["spec"]["template"]["spec"]["containers"]
    assert port["targetPort"] in {one["name"] for one in server["ports"]}


def test_one_way_can_be_chosen_by_its_label():
    ways = [one["metadata"]["labels"]["dev.holdfast/with"] for one in _documents()]
    assert ways == ["deployment", "deployment", "kserve"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Churn model", "churn-model"),
        ("models:/acebet@champion", "models-acebet-champion"),
        ("3d", "model-3d"),
        ("x\n---\nkind: Secret", "x-kind-secret"),
        ("ÉÜ", "model"),
        ("a" * 62 + "-b", "a" * 62),
    ],
)
def test_any_text_becomes_a_name(text, name):
    assert dns_name(text) == name
    assert len(list(yaml.safe_load_all(kubernetes(PINNED, text)))) == 3


@pytest.mark.parametrize(
    "image",
    ["registry.example/churn:1", PINNED + "\n", PINNED[:-1], f"{{x: y}}@{PINNED}", f"a b{PINNED}"],
)
def test_what_is_no_digest_of_an_image_is_refused(image):
    with pytest.raises(InputError):
        kubernetes(image, "churn")
