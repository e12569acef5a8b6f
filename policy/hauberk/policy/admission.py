"""ValidatingAdmissionPolicies with the rules of the catalogue that CEL can say over one object.

What a rule needs of other documents, of an image or of a search over accesses stays with lint. Each check here says no
more than its rule: what is refused here, lint reports too. Some say less, as their comments tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

GROUP = "admissionregistration.k8s.io"
_PLURALS = ("kubearmorpolicies", "kubearmorclusterpolicies", "kubearmorhostpolicies")


@dataclass(frozen=True, slots=True)
class Check:
    """`expression` is CEL that must be true."""

    rule: str
    expression: str
    message: str


def _section(name: str) -> tuple[str, str]:
    return name, f"has(variables.spec.{name}) ? variables.spec.{name} : {{}}"


def _list(variable: str, section: str, name: str) -> tuple[str, str]:
    return variable, f"has(variables.{section}.{name}) ? variables.{section}.{name} : []"


_WITH_SOURCE = ("processPaths", "filePaths", "directories", "protocols", "queries", "capabilityRules")

VARIABLES: tuple[tuple[str, str], ...] = (
    ("spec", "has(object.spec) ? object.spec : {}"),
    *(_section(name) for name in ("process", "file", "network", "capabilities")),
    _list("processPaths", "process", "matchPaths"),
    _list("processDirectories", "process", "matchDirectories"),
    _list("processPatterns", "process", "matchPatterns"),
    _list("filePaths", "file", "matchPaths"),
    _list("fileDirectories", "file", "matchDirectories"),
    _list("filePatterns", "file", "matchPatterns"),
    _list("protocols", "network", "matchProtocols"),
    _list("queries", "network", "matchDNSQueries"),
    _list("capabilityRules", "capabilities", "matchCapabilities"),
    ("directories", "variables.processDirectories + variables.fileDirectories"),
    ("withSource", " + ".join(f"variables.{name}" for name in _WITH_SOURCE)),
    ("rules", "variables.withSource + variables.processPatterns + variables.filePatterns"),
    ("presets", "has(variables.spec.presets) ? variables.spec.presets : []"),
    ("selector", "has(variables.spec.selector) ? variables.spec.selector : {}"),
    ("labels", "has(variables.selector.matchLabels) ? variables.selector.matchLabels : {}"),
    ("expressions", "has(variables.selector.matchExpressions) ? variables.selector.matchExpressions : []"),
    ("action", "has(variables.spec.action) ? variables.spec.action : 'Block'"),
    ("processAction", "has(variables.process.action) ? variables.process.action : variables.action"),
    ("fileAction", "has(variables.file.action) ? variables.file.action : variables.action"),
)
"""Names and CEL of what the checks share; each may use those before it."""

ERRORS = (
    Check(
        "HB205",
        "variables.processPaths.all(r, has(r.path) || has(r.execname))",
        "an entry of process.matchPaths has neither path nor execname: it matches no program",
    ),
    # a path with a glob is a pattern to the hauberk model: lint tells that for KubeArmor
    Check(
        "HB209",
        "variables.directories.all(r, !r.dir.matches('[*?]')) && variables.withSource.all(r, !has(r.fromSource) || "
        "r.fromSource.all(s, !has(s.path) || !s.path.matches('[*?]')))",
        "a glob character in dir or fromSource stands for itself",
    ),
    Check(
        "HB212",
        "variables.withSource.all(r, !has(r.fromSource) || r.fromSource.all(s, has(s.path)))",
        "an entry of fromSource has no path",
    ),
    Check(
        "HB311", "!has(variables.spec.apparmor) || variables.spec.apparmor == ''", "apparmor is for AppArmor nodes only"
    ),
    Check(
        "HB502",
        "object.kind != 'KubeArmorHostPolicy' || (has(variables.spec.nodeSelector) && "
        "has(variables.spec.nodeSelector.matchLabels) && size(variables.spec.nodeSelector.matchLabels) > 0)",
        "nodeSelector has no labels: the policy matches no node",
    ),
    Check(
        "HB506",
        "variables.expressions.all(e, !has(e.key) || e.key != 'label' || !has(e.values) || "
        "e.values.all(v, v.contains('=')))",
        "a value of a label expression has no =: no label equals it",
    ),
    Check(
        "HB508",
        "variables.expressions.all(e, has(e.key) && has(e.operator))",
        "an expression has no key or no operator",
    ),
)
"""Refused: rules of severity error for both models."""

WARNINGS = (
    Check(
        "HB108",
        "size(variables.rules) + size(variables.presets) > 0 || has(variables.spec.syscalls) || "
        "has(variables.spec.device) || has(variables.spec.apparmor)",
        "the policy has no rule: nothing is enforced and nothing reported",
    ),
    Check(
        "HB208",
        "variables.processPatterns.all(r, (has(r.action) ? r.action : variables.processAction) == 'Audit') && "
        "variables.filePatterns.all(r, (has(r.action) ? r.action : variables.fileAction) == 'Audit')",
        "KubeArmor's BPF-LSM enforcer does not read matchPatterns",
    ),
    Check("HB307", "variables.rules.all(r, !has(r.pts) || !r.pts)", "pts: true has no effect"),
    # unknown names of presets are another rule's
    Check(
        "HB308",
        "variables.presets.all(p, !has(p.action) || p.action != 'Allow' || !has(p.name) || !(p.name in "
        "['filelessExec', 'exec', 'protectEnv', 'protectProc', 'anonymousMapExec']))",
        "a preset cannot allow: it blocks",
    ),
    Check(
        "HB501",
        "object.kind == 'KubeArmorHostPolicy' || size(variables.labels) > 0 || size(variables.expressions) > 0 || "
        "size(variables.rules) + size(variables.presets) == 0",
        "the selector is empty: the policy applies to every pod",
    ),
    Check(
        "HB504",
        "['pod-template-hash', 'pod-template-generation', 'controller-revision-hash'].all(k, !(k in variables.labels))",
        "KubeArmor removes a label of the selector from pods before it compares",
    ),
    Check(
        "HB505",
        "!('kubearmor.io/container.name' in variables.labels) || ("
        "variables.labels['kubearmor.io/container.name'].startsWith('[') && "
        "variables.labels['kubearmor.io/container.name'].endsWith(']'))",
        "kubearmor.io/container.name is a list in brackets: [nginx]",
    ),
    Check(
        "HB507",
        "['label', 'namespace'].all(k, !(['In', 'NotIn'].all(o, variables.expressions.exists(e, has(e.key) && "
        "e.key == k && has(e.operator) && e.operator == o && has(e.values) && size(e.values) > 0))))",
        "KubeArmor uses only one of In and NotIn",
    ),
    Check(
        "HB601",
        "variables.processDirectories.all(r, size(bytes(r.dir)) <= 64 || !r.dir.endsWith('/') || "
        "(has(r.action) ? r.action : variables.processAction) == 'Audit') && "
        "variables.fileDirectories.all(r, size(bytes(r.dir)) <= 64 || !r.dir.endsWith('/') || "
        "(has(r.action) ? r.action : variables.fileAction) == 'Audit')",
        "KubeArmor looks for directories in the first 64 bytes of a path",
    ),
    Check(
        "HB702",
        "!has(variables.spec.tags) || variables.spec.tags.all(t, !t.contains(','))",
        "a comma makes several tags of one in alerts",
    ),
)
"""Warned about: rules of severity warning, and those that are for KubeArmor's enforcer only."""

NAMESPACES = (
    Check(
        "HB412",
        "!has(object.metadata.annotations) || ['file', 'network', 'capabilities'].all(d, "
        "!('kubearmor-' + d + '-posture' in object.metadata.annotations) || "
        "object.metadata.annotations['kubearmor-' + d + '-posture'].matches('^(?i:audit|block)$'))",
        "a posture is audit or block",
    ),
)
"""Warned about, of Namespaces: refusing would stop whoever changes something else of them."""


def admission_policies() -> list[dict[str, Any]]:
    """Each ValidatingAdmissionPolicy with its binding after it."""
    policies = _resources("security.kubearmor.com", "v1", *_PLURALS)
    namespaces = _resources("", "v1", "namespaces")
    return [
        *_pair("hauberk-errors", policies, ERRORS, VARIABLES, ["Deny"]),
        *_pair("hauberk-warnings", policies, WARNINGS, VARIABLES, ["Warn", "Audit"]),
        *_pair("hauberk-namespaces", namespaces, NAMESPACES, (), ["Warn", "Audit"]),
    ]


def _resources(group: str, version: str, *names: str) -> list[dict[str, Any]]:
    return [
        {
            "apiGroups": [group],
            "apiVersions": [version],
            "operations": ["CREATE", "UPDATE"],
            "resources": list(names),
            "scope": "*",
        }
    ]


def _pair(
    name: str,
    resources: list[dict[str, Any]],
    checks: tuple[Check, ...],
    variables: tuple[tuple[str, str], ...],
    actions: list[str],
) -> list[dict[str, Any]]:
    spec: dict[str, Any] = {
        # a check that cannot be computed must not be a way around those that refuse
        "failurePolicy": "Fail" if "Deny" in actions else "Ignore",
        "matchConstraints": {
            "matchPolicy": "Equivalent",
            "namespaceSelector": {},
            "objectSelector": {},
            "resourceRules": resources,
        },
    }
    if variables:
        spec["variables"] = [{"name": variable, "expression": expression} for variable, expression in variables]
    spec["validations"] = [
        {"expression": one.expression, "message": f"{one.rule}: {one.message}", "reason": "Invalid"} for one in checks
    ]
    version = f"{GROUP}/v1"
    binding = {"policyName": name, "validationActions": actions}
    return [
        {"apiVersion": version, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name}, "spec": spec},
        {
            "apiVersion": version,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": binding,
        },
    ]
