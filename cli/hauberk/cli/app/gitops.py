"""Commands for what a cluster is given, and has: render, bundle, crds, drift."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Optional

import typer

from hauberk.cli.app.base import DiffFailOn, ModelName, app, examples
from hauberk.cli.app.lint import rule_ids
from hauberk.policy.problems import HauberkError


class Layout(StrEnum):
    PLAIN = "plain"
    FLUX = "flux"
    ARGO = "argo"


@app.command(
    epilog=examples(
        "hauberk render policies/ --out rendered --layout flux",
        "hauberk render policies/ --out rendered --layout flux --check   # in CI",
        "hauberk render policies/ --environment staging --out environments/staging",
        "hauberk render policies/ --environment production --out environments/production",
        "hauberk render policies/ --stdout | kubectl apply --server-side -f -",
    )
)
def render(
    paths: Annotated[Optional[list[str]], typer.Argument(metavar="PATH", help="Files or folders. [default: .]")] = None,  # noqa: UP045
    out: Annotated[Optional[str], typer.Option(metavar="DIR", help="Folder to write.")] = None,  # noqa: UP045
    stdout: Annotated[bool, typer.Option("--stdout", help="Print all objects instead.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 and name the files that --out has otherwise.")
    ] = False,
    layout: Annotated[Layout, typer.Option(help="Whose annotations and examples to add.")] = Layout.PLAIN,
    environment: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="NAME", help="An environment of hauberk.yaml."),
    ] = None,
    with_crds: Annotated[bool, typer.Option("--with-crds", help="Also the CRDs of hauberk.dev.")] = False,
    allow_findings: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(metavar="IDS", help="Render policies with these errors of lint, too: HB203,HB413."),
    ] = None,
    commit: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="TEXT", help='Commit to name, "" for none. [default: the one checked out]'),
    ] = None,
    bundle: Annotated[
        str, typer.Option(metavar="NAMESPACE/NAME", help="The ConfigMap that says what the set is.")
    ] = "default/hauberk-bundle",
    config: Annotated[Optional[str], typer.Option(help="Settings. [default: the nearest hauberk.yaml]")] = None,  # noqa: UP045
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Neither read nor write cached results.")] = False,
) -> None:
    """Write policies as manifests for a cluster, in one form and with a digest of their meaning."""
    from hauberk.cli import config as settings
    from hauberk.cli.run_render import Options, run

    loaded = settings.load(settings.find(config, Path.cwd()))
    allowed = rule_ids(allow_findings, users_rules=bool(loaded.rules))
    options = Options(
        paths=tuple(paths or (".",)),
        config=loaded,
        out=out,
        stdout=stdout,
        check=check,
        layout=layout.value,
        environment=environment,
        allowed=allowed,
        commit=commit,
        bundle=bundle,
        with_crds=with_crds,
        no_cache=no_cache,
    )
    raise typer.Exit(run(options))


@app.command(
    epilog=examples(
        "hauberk crds | kubectl apply --server-side -f -",
        "hauberk crds --policies --admission --out deploy/crds   # for a cluster without KubeArmor",
        "hauberk crds --policies --admission --out deploy/crds --check",
    )
)
def crds(
    policies: Annotated[
        bool, typer.Option("--policies", help="Also the CRDs of the policies, for clusters without KubeArmor.")
    ] = False,
    admission: Annotated[
        bool, typer.Option("--admission", help="Also admission policies: rules of lint that the API server can check.")
    ] = False,
    out: Annotated[Optional[str], typer.Option(metavar="DIR", help="Folder to write. [default: print them]")] = None,  # noqa: UP045
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 and name the files that --out has otherwise.")
    ] = False,
) -> None:
    """Write the CRDs of hauberk.dev, and what else the API server needs to know of policies."""
    from hauberk.cli.commands.crds import crd_files
    from hauberk.cli.gitops import writing
    from hauberk.cli.gitops.objects import stream
    from hauberk.cli.report import emit

    files = crd_files(policies=policies, admission=admission)
    if out == "":
        raise HauberkError("--out is empty: name a folder")
    if out is None:
        if check:
            raise HauberkError("--check compares a folder: give it with --out")
        emit(stream(files), None)
        return
    raise typer.Exit(writing.check(out, files, "crds") if check else writing.write_into(out, files, "crds"))


@app.command(
    epilog=examples(
        "hauberk bundle rendered --out build/policies",
        "oras cp --from-oci-layout build/policies:latest registry.example.org/policies:latest",
    )
)
def bundle(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Folder that `hauberk render` wrote.")],
    out: Annotated[str, typer.Option(metavar="LAYOUT", help="Folder of the OCI layout.")],
    tag: Annotated[str, typer.Option(help="Name of the artifact in the layout.")] = "latest",
    source: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="URL", help="Repository to name in the artifact."),
    ] = None,
) -> None:
    """Pack a rendered folder as an OCI artifact for Flux, on disk; its digest depends on nothing else."""
    from hauberk.cli.commands.bundle import bundle as pack

    made = pack(Path(folder), Path(out), tag, source)
    typer.echo(f"{out}:{tag}@{made.digest}")
    typer.echo(f"{made.files} files", err=True)


class DriftFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


@app.command(
    epilog=examples(
        "hauberk drift policies/",
        "hauberk drift environments/production --context production --format markdown",
        "hauberk drift policies/ --namespace web --namespace shop --fail-on widened",
    )
)
def drift(
    paths: Annotated[Optional[list[str]], typer.Argument(metavar="PATH", help="Files or folders. [default: .]")] = None,  # noqa: UP045
    context: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="NAME", help="Context of the kubeconfig. [default: the current one]"),
    ] = None,
    kubeconfig: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="FILE", help="[default: KUBECONFIG, ~/.kube/config, or the pod's own account]"),
    ] = None,
    namespace: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(metavar="NAME", help="Only this namespace; may be repeated. [default: all]"),
    ] = None,
    model: Annotated[ModelName, typer.Option(help="Which model decides.")] = ModelName.HAUBERK,
    format_: Annotated[DriftFormat, typer.Option("--format", help="Form of the report.")] = DriftFormat.TEXT,
    output: Annotated[Optional[Path], typer.Option(help="File to write the report to.")] = None,  # noqa: UP045
    fail_on: Annotated[DiffFailOn, typer.Option(help="What makes exit code 1: any drift at all.")] = DiffFailOn.ANY,
    config: Annotated[Optional[str], typer.Option(help="Settings. [default: the nearest hauberk.yaml]")] = None,  # noqa: UP045
) -> None:
    """Say what the cluster allows that git does not, and which of its policies are not git's."""
    from hauberk.cli import config as settings
    from hauberk.cli.cluster import Where
    from hauberk.cli.run_drift import Options, run

    loaded = settings.load(settings.find(config, Path.cwd()))
    where = Where(kubeconfig, context, tuple(namespace or ()))
    options = Options(tuple(paths or (".",)), where, model.value, loaded, format_.value, output, fail_on.value)
    raise typer.Exit(run(options))


class StatusFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


@app.command(epilog=examples("hauberk status", "hauberk status --context production --format json"))
def status(
    context: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="NAME", help="Context of the kubeconfig. [default: the current one]"),
    ] = None,
    kubeconfig: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="FILE", help="[default: KUBECONFIG, ~/.kube/config, or the pod's own account]"),
    ] = None,
    lease_namespace: Annotated[
        str, typer.Option(metavar="NAMESPACE", help="Where the nodes' heartbeats are: Leases, one for each.")
    ] = "hauberk-system",
    format_: Annotated[StatusFormat, typer.Option("--format", help="Form of the report.")] = StatusFormat.TEXT,
    output: Annotated[Optional[Path], typer.Option(help="File to write the report to.")] = None,  # noqa: UP045
) -> None:
    """Say what the nodes of a cluster enforce: of each policy the lowest state, and what drifts.

    Policies that no node speaks of are named. Exit code 1 when a node is not ready or silent, a policy is not
    enforced everywhere in one version, or something drifts.
    """
    from hauberk.cli import cluster
    from hauberk.cli.fleet import rolled_up
    from hauberk.cli.output import status as shown
    from hauberk.cli.report import coloured, emit

    said = cluster.reports(cluster.Where(kubeconfig, context), lease_namespace)
    fleet = rolled_up(said.cluster, said.nodes, said.drifts, said.policies, said.notes, said.beats, datetime.now(UTC))
    is_json = format_ is StatusFormat.JSON
    emit(shown.as_json(fleet) if is_json else shown.as_text(fleet, colour=coloured(output)), output)
    raise typer.Exit(0 if fleet.well else 1)
