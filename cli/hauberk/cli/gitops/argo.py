"""What Argo CD needs: sync waves, namespaces it must not delete, an Application and the health of our kinds."""

from __future__ import annotations

from typing import Any

from hauberk.cli.gitops.flux import annotated
from hauberk.cli.gitops.objects import File

_WAVE = "argocd.argoproj.io/sync-wave"
_OPTIONS = "argocd.argoproj.io/sync-options"
_HEALTH = """\
local health = {status = "Progressing", message = "no status yet"}
if obj.status == nil or obj.status.conditions == nil then
  return health
end
for _, condition in ipairs(obj.status.conditions) do
  if condition.type == "Ready" then
    local current = condition.observedGeneration == nil or obj.metadata.generation == nil
      or condition.observedGeneration >= obj.metadata.generation
    if condition.status == "False" then
      return {status = "Degraded", message = (condition.reason or "") .. ": " .. (condition.message or "")}
    end
    if condition.status == "True" and current then
      health = {status = "Healthy", message = condition.message or ""}
    end
  end
end
return health
"""
KINDS = ("NodePolicyStatus", "DriftReport", "ClusterDriftReport")


def waved(file: File) -> File:
    """With the wave as an annotation: Argo CD waits for one before it begins the next."""
    annotations = {_WAVE: str(file.wave or 0)}
    if file.value["kind"] == "Namespace":
        annotations[_OPTIONS] = "Prune=false,Delete=false"
    return annotated(file, annotations)


def examples() -> list[File]:
    """An Application, what to merge into Argo CD's own ConfigMap, and a plugin: the set does not apply them."""
    health = {f"resource.customizations.health.hauberk.dev_{kind}": _HEALTH for kind in KINDS}
    configuration: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "argocd-cm", "namespace": "argocd", "labels": {"app.kubernetes.io/part-of": "argocd"}},
        "data": health,
    }
    return [
        File("argo/application.yaml", _application(), None),
        File("argo/argocd-cm.yaml", configuration, None),
        File("argo/plugin.yaml", _plugin(), None),
    ]


def _plugin() -> dict[str, Any]:
    """For a sidecar of the repo-server: renders at each sync, so that nothing rendered need be committed."""
    command = (
        'exec hauberk render . --stdout --layout argo --no-cache --commit "$ARGOCD_APP_REVISION"'
        ' ${ARGOCD_ENV_ENVIRONMENT:+--environment "$ARGOCD_ENV_ENVIRONMENT"}'
    )
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ConfigManagementPlugin",
        "metadata": {"name": "hauberk"},
        "spec": {
            "version": "v1",
            "generate": {"command": ["sh", "-c", command]},
            "discover": {"fileName": "./hauberk.yaml"},
        },
    }


def _application() -> dict[str, Any]:
    automated = {"prune": True, "selfHeal": True}
    options = ["ServerSideApply=true", "RespectIgnoreDifferences=true"]
    retry = {"limit": 5, "backoff": {"duration": "5s", "factor": 2, "maxDuration": "3m"}}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "policies", "namespace": "argocd"},
        "spec": {
            "project": "default",
            "source": {
                "repoURL": "https://example.org/policies.git",
                "targetRevision": "main",
                "path": "rendered",
            },
            "destination": {"server": "https://kubernetes.default.svc"},
            "syncPolicy": {"automated": automated, "syncOptions": options, "retry": retry},
            # what controllers and the API server write into objects of the set
            "ignoreDifferences": [
                {"group": "security.kubearmor.com", "kind": "*", "jsonPointers": ["/status"]},
                {"group": "hauberk.dev", "kind": "*", "jsonPointers": ["/status"]},
                {
                    "group": "apiextensions.k8s.io",
                    "kind": "CustomResourceDefinition",
                    "jsonPointers": ["/status", "/spec/conversion"],
                },
                {
                    "group": "admissionregistration.k8s.io",
                    "kind": "ValidatingAdmissionPolicy",
                    "jsonPointers": ["/status"],
                },
            ],
        },
    }
