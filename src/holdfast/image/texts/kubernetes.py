"""`--kubernetes`: manifests for an image that was pushed, named by its digest.

A Deployment with a Service; and, for clusters that have KServe, an InferenceService, which takes
the place of both. The label `dev.holdfast/with` says which is which.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from holdfast.errors import InputError
from holdfast.image.inside.config import PORT
from holdfast.image.inside.places import USER
from holdfast.image.registry.reference import parse_reference

_LONGEST = 63  # of a name (RFC 1035, as Kubernetes takes it)
_APP = "app.kubernetes.io/name"
_WITH = "dev.holdfast/with"
_SCRATCH = "scratch"
_TMP = "/tmp"  # noqa: S108 - the container's own


def kubernetes(pinned: str, name: str, *, cpu: str = "1", memory: str = "2Gi") -> str:
    """The manifests, in YAML, a document each.

    Args:
        pinned: The image, "registry.example/churn@sha256:…".
        name: What it is about, in any spelling; Kubernetes' names are made of it.
        cpu: Cores that each server is promised, as Kubernetes writes them.
        memory: Memory that each server is promised, and may have.

    Raises:
        InputError: The image is not named, or not by its digest.
    """
    if not parse_reference(pinned).digest:
        raise InputError(
            f"{pinned} does not name its image by a digest",
            hint="push it: --push registry.example/churn:1",
        )
    called = dns_name(name)
    container = _container(pinned, cpu, memory)
    documents = (
        _deployment(called, container),
        _service(called),
        _inference_service(called, container),
    )
    written = (yaml.safe_dump(one, sort_keys=False, width=100) for one in documents)
    return "---\n".join(written)


def dns_name(text: str) -> str:
    """`text` as Kubernetes lets a Service be called (RFC 1035): the same for the same text."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower(), flags=re.ASCII).strip("-")
    if not name[:1].isalpha():
        name = f"model-{name}"
    return name[:_LONGEST].strip("-")


def _container(image: str, cpu: str, memory: str) -> dict[str, Any]:
    """What runs in each pod; all that it may write to is a scratch folder."""
    return {
        "name": "server",
        "image": image,
        "ports": [{"name": "http", "containerPort": PORT}],
        "startupProbe": {**_probe("/ping"), "periodSeconds": 2, "failureThreshold": 300},
        "readinessProbe": {**_probe("/ping"), "periodSeconds": 2},
        "livenessProbe": {**_probe("/v2/health/live"), "periodSeconds": 10, "timeoutSeconds": 5},
        "resources": {
            "requests": {"cpu": cpu, "memory": memory},
            "limits": {"memory": memory},
        },
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [{"name": _SCRATCH, "mountPath": _TMP}],
    }


def _probe(path: str) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": PORT}}


def _pod(container: dict[str, Any]) -> dict[str, Any]:
    return {
        "automountServiceAccountToken": False,
        # A Service called "holdfast-serve" would set HOLDFAST_SERVE_PORT, and to no port.
        "enableServiceLinks": False,
        "containers": [container],
        "volumes": [{"name": _SCRATCH, "emptyDir": {"sizeLimit": "1Gi"}}],
    }


def _deployment(name: str, container: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(name, "deployment"),
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {_APP: name}},
            "template": {
                "metadata": {"labels": {_APP: name}},
                # Longer than requests that were taken have to be answered.
                "spec": {**_pod(container), "terminationGracePeriodSeconds": 60},
            },
        },
    }


def _service(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(name, "deployment"),
        "spec": {
            "selector": {_APP: name},
            "ports": [{"name": "http", "port": 80, "targetPort": "http"}],
        },
    }


def _inference_service(name: str, container: dict[str, Any]) -> dict[str, Any]:
    """KServe's; what its serverless mode takes of a pod is less, and a port has its protocol."""
    own = {
        **container,
        "name": "kserve-container",
        "ports": [{"name": "http1", "containerPort": PORT, "protocol": "TCP"}],
    }
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": _metadata(name, "kserve"),
        "spec": {"predictor": {"minReplicas": 1, **_pod(own)}},
    }


def _metadata(name: str, way: str) -> dict[str, Any]:
    return {"name": name, "labels": {_APP: name, _WITH: way}}
