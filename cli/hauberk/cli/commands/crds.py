"""`hauberk crds`: definitions of our kinds, of the policies, and what the API server may check of them."""

from __future__ import annotations

from typing import Any

from hauberk.cli.gitops.objects import ADMISSION_WAVE, CRD_WAVE, File
from hauberk.policy.admission import admission_policies
from hauberk.policy.crds import policy_crds
from hauberk.policy.reportcrds import report_crds


def crd_files(*, policies: bool = False, admission: bool = False) -> list[File]:
    """CRDs of hauberk.dev, if wanted those of KubeArmor's policies, and admission policies about these."""
    definitions = [*report_crds(), *(policy_crds() if policies else ())]
    files = [File(f"crds/{_name(value)}.yaml", value, CRD_WAVE) for value in definitions]
    for value in admission_policies() if admission else ():
        ending = "-binding" if value["kind"].endswith("Binding") else ""
        files.append(File(f"admission/{_name(value)}{ending}.yaml", value, ADMISSION_WAVE))
    return files


def _name(value: dict[str, Any]) -> str:
    name: str = value["metadata"]["name"]
    return name
