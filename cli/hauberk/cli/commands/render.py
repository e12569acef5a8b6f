"""`hauberk render`: sources and settings in, the files of a set of manifests out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hauberk.cli.commands import lint
from hauberk.cli.environments import must_stay_apart
from hauberk.cli.gitops import argo, flux
from hauberk.cli.gitops.objects import BUNDLE_WAVE, NAMESPACE_WAVE, File, is_name, kustomization, policy_file
from hauberk.cli.gitops.reading import Inputs, Written, must_differ
from hauberk.cli.sources import Source
from hauberk.policy import digest, documents
from hauberk.policy.canonical import NAMESPACED
from hauberk.policy.environments import Environment, placed, with_actions
from hauberk.policy.problems import HauberkError, Severity
from hauberk.policy.validate import problems

_SHOWN = 20
_MAX_BUNDLE = 900_000
"""Bytes of a ConfigMap's text that surely fit below the API server's limit of 1 MiB."""


@dataclass(frozen=True, slots=True)
class Choices:
    """`commit` is "" when none is to be named; `bundle` is namespace and name of the ConfigMap."""

    layout: str
    environment: Environment | None
    commit: str
    bundle: tuple[str, str]
    with_crds: bool = False


def must_be_clean(given: Sequence[Source], request: lint.Request, allowed: Iterable[str]) -> list[str]:
    """The notes of lint; raises HauberkError for findings of severity error that are not allowed by their ids.

    Suppressions, exceptions and severities of hauberk.yaml count; a baseline does not, as it gives no reasons.
    """
    report = lint.lint_sources(given, replace(request, config=replace(request.config, baseline=None)))
    known = set(allowed)
    for error in report.errors:
        raise HauberkError(f"{error.path}:{error.line}: the rules gave no answer: {error.reason}")
    if report.refused:
        raise HauberkError("\n".join(report.refused))
    found = [one for one in report.findings if one.severity is Severity.ERROR and one.rule not in known]
    if found:
        rows = [f"{f.path}:{f.position.line}:{f.position.column}: {f.rule} {f.message}" for f in found[:_SHOWN]]
        if len(found) > _SHOWN:
            rows.append(f"and {len(found) - _SHOWN} more")
        ids = ",".join(sorted({one.rule for one in found} | known))
        raise HauberkError(
            "policies with errors are not rendered:\n  "
            + "\n  ".join(rows)
            + f"\nmend them (`hauberk rules ID` explains), or take them as they are: --allow-findings {ids}"
        )
    return report.notes


def render(inputs: Inputs, choices: Choices, config_path: str) -> list[File]:
    """All files of the set; raises HauberkError for what no cluster would take."""
    chosen = choices.environment or Environment("")
    spaces = {one.identity[1] for one in inputs.policies if one.identity[1]}
    must_stay_apart(config_path, chosen, [*spaces, *inputs.postures])
    policies = [_placed(one, chosen) for one in inputs.policies]
    must_differ(policies)
    postures = chosen.postures(inputs.postures, spaces)
    digests = [digest.digest(one.value) for one in policies]
    files = [policy_file(_annotated(one.value, value), one.place) for one, value in zip(policies, digests, strict=True)]
    namespaces = {chosen.namespace(name): annotations for name, annotations in postures.items()}
    files += [_namespace(name, annotations, chosen) for name, annotations in sorted(namespaces.items())]
    files.append(_bundle(policies, digests, namespaces, choices))
    if choices.with_crds:
        from hauberk.cli.commands.crds import crd_files

        files += crd_files()
    match choices.layout:
        case "argo":
            files = [*map(argo.waved, files), *argo.examples()]
        case "flux":
            files = [*map(flux.kept, files), *flux.examples()]
        case _:
            pass
    return [*files, File("kustomization.yaml", kustomization(files), None)]


def _placed(one: Written, chosen: Environment) -> Written:
    # server-side apply refuses what these are about, whatever lint was told to let pass
    for refused in one.refused:
        raise HauberkError(f"{refused}: the API server refuses that: mend it")
    value = placed(chosen, with_actions(chosen, one.value))
    for problem in problems(documents.read(json.dumps(value)).documents[0], value["kind"]):
        raise HauberkError(f"{one.place}: {problem.message}: the API server refuses that")
    return Written(value, one.place)


def _annotated(value: Mapping[str, Any], found: str) -> dict[str, Any]:
    metadata = dict(value["metadata"])
    annotations = {**metadata.get("annotations", {}), digest.ANNOTATION: found}
    # what kubectl leaves on objects that were applied and then exported
    annotations.pop("kubectl.kubernetes.io/last-applied-configuration", None)
    return {**value, "metadata": {**metadata, "annotations": dict(sorted(annotations.items()))}}


def _namespace(name: str, annotations: Mapping[str, str], chosen: Environment) -> File:
    if not is_name(name):
        raise HauberkError(f"{name!r} is not a name of a namespace that the API server takes: rename it")
    metadata: dict[str, Any] = {"name": name}
    if chosen.labels:
        metadata["labels"] = dict(sorted(chosen.labels.items()))
    value = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata | {"annotations": dict(annotations)}}
    return File(f"namespaces/{name}.yaml", value, NAMESPACE_WAVE)


def _bundle(
    policies: Sequence[Written], digests: Sequence[str], namespaces: Mapping[str, Mapping[str, str]], choices: Choices
) -> File:
    """The ConfigMap that says what the set is: from which commit, and what each policy and the whole mean."""
    rows: list[str] = []
    for one, found in sorted(zip(policies, digests, strict=True), key=lambda pair: pair[0].identity):
        kind, namespace, name = one.identity
        rows.append(f"{kind} {f'{namespace}/{name}' if kind in NAMESPACED else name} {found}")
    postures = [f"Namespace {name} {json.dumps(found, sort_keys=True)}" for name, found in namespaces.items()]
    data: dict[str, str] = {"commit": choices.commit} if choices.commit else {}
    data["digest"] = digest.digest_of_texts([*rows, *postures])
    if choices.environment is not None:
        data["environment"] = choices.environment.name
    data["policies"] = "".join(f"{row}\n" for row in rows)
    if len(data["policies"]) > _MAX_BUNDLE:
        raise HauberkError(f"{len(rows)} policies are more than one bundle can name: render them in parts")
    namespace, name = choices.bundle
    labels = dict(sorted(choices.environment.labels.items())) if choices.environment is not None else {}
    metadata = {"name": name, "namespace": namespace} | ({"labels": labels} if labels else {})
    return File(
        "bundle.yaml", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}, BUNDLE_WAVE
    )
