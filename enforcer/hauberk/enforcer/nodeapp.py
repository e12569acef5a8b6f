"""The command line's commands of the daemon, and of the runtimes that tell it of containers."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from hauberk.enforcer.app import DEFAULT_PINS, DEFAULT_STATE, PINS, STATE, PostureName, app, examples


class Mode(StrEnum):
    ENFORCE = "enforce"
    OBSERVE = "observe"


class Reports(StrEnum):
    OWN = "own"
    OPEN = "openreports"


_ALERTS = "hauberk.enforcer.alerts"
"""Where the context keeps what a file of settings says of alerts."""


def _options_of(command: Any) -> dict[str, Any]:
    """The parameters of `run` that a file of settings may give, by the names of their options."""
    named = {name.removeprefix("--"): one for one in command.params for name in one.opts if name.startswith("--")}
    return {name: one for name, one in named.items() if name not in ("config", "help")}


def options_of_run() -> tuple[str, ...]:
    """Names that a file of settings may have for `run`, and that others pass over."""
    return tuple(_options_of(typer.main.get_command(app).commands["run"]))  # type: ignore[attr-defined]


def _from_file(context: typer.Context, value: Optional[Path]) -> Optional[Path]:  # noqa: UP045
    """What the file says becomes the default: the command line and the environment win."""
    from hauberk.enforcer import settings
    from hauberk.enforcer.commands.load import pairs_of, rate_of
    from hauberk.policy.loose import is_list
    from hauberk.policy.problems import HauberkError

    if value is None or context.resilient_parsing:
        return value
    known = _options_of(context.command)
    found = settings.read(value, known)
    defaults: dict[str, Any] = {}
    for name, given in found.options.items():
        parameter = known[name]
        many = is_list(given)
        values: list[Any] = given if many else [given]
        if parameter.multiple != many:
            raise found.wrong(name, f"{name} must be {'a list' if parameter.multiple else 'one value'}")
        if not all(isinstance(one, str | int | float) and not isinstance(one, bool) for one in values):
            raise found.wrong(
                name, f"{name} must be text or a number: put what YAML takes for something else in quotes"
            )
        # as the command line would have them
        words = [str(one) for one in values]
        try:
            defaults[parameter.name] = words if parameter.multiple else words[0]
            parameter.process_value(context, defaults[parameter.name])
            if name == "label":
                pairs_of(words)
            elif name == "rate":
                rate_of(words[0])
        except typer.BadParameter as error:
            raise found.wrong(name, f"{name}: {error.message}") from None
        except HauberkError as error:
            raise found.wrong(name, str(error)) from None
    context.default_map = defaults
    # a pipe can be read once only
    context.meta[_ALERTS] = found.alerts
    return value


@app.command(
    epilog=examples(
        "hauberk-enforcer run --policies /etc/hauberk/policies --label kubernetes.io/hostname=node-1",
        "hauberk-enforcer run --policies policies/ --mode observe --alerts /var/log/hauberk.json",
        "hauberk-enforcer run --kubeconfig node.kubeconfig --node node-1 --metrics 127.0.0.1:9464",
        "hauberk-enforcer run --policies policies/ --cri /run/containerd/containerd.sock",
        "hauberk-enforcer run --config /etc/hauberk/enforcer.yaml   # policies: [/etc/hauberk/policies], mode: observe",
    )
)
def run(
    context: typer.Context,
    policies: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(metavar="DIR|FILE", help="Policies, watched; without a cluster. May be repeated."),
    ] = None,
    kubeconfig: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(metavar="FILE", help="The API server whose policies are enforced. [default: that of the pod]"),
    ] = None,
    node: Annotated[
        str, typer.Option(envvar="NODE_NAME", help="Name of this node in the cluster. [default: the host's name]")
    ] = "",
    cri: Annotated[
        str,
        typer.Option(metavar="SOCKET", help="The container runtime's: tells of containers that no hook tells of."),
    ] = "",
    lease_namespace: Annotated[
        str, typer.Option(metavar="NAMESPACE", help="Where this node's Lease is: its heartbeat.")
    ] = "hauberk-system",
    reports: Annotated[
        Reports, typer.Option(help="openreports: Report objects of openreports.io, too, for tools that show those.")
    ] = Reports.OWN,
    jitter: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="Longest wait before a change of the status is written.")
    ] = 2,
    metrics: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="HOST:PORT", help="Serve /metrics, /healthz and /readyz there."),
    ] = None,
    label: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            metavar="KEY=VALUE", help="With --policies: label by which host policies select this node. May be repeated."
        ),
    ] = None,
    posture_file: Annotated[
        PostureName, typer.Option(help="What ends an allow-list of processes or files.")
    ] = PostureName.AUDIT,
    posture_network: Annotated[
        PostureName, typer.Option(help="What ends an allow-list of the network.")
    ] = PostureName.AUDIT,
    posture_capabilities: Annotated[
        PostureName, typer.Option(help="What ends an allow-list of capabilities.")
    ] = PostureName.AUDIT,
    mode: Annotated[Mode, typer.Option(help="observe: nothing is denied, what would be is reported.")] = Mode.ENFORCE,
    alerts: Annotated[
        str, typer.Option(metavar="FILE|-|unix:PATH", help="Where alerts go, one JSON document a line.")
    ] = "-",
    period: Annotated[
        float, typer.Option(metavar="SECONDS", min=1, help="How often the kernel is read back and compared.")
    ] = 30,
    memory_limit: Annotated[
        int, typer.Option(metavar="MIB", min=1, help="Most memory of the kernel that one workload's policies may take.")
    ] = 512,
    rate: Annotated[
        str, typer.Option(metavar="N/SECONDS", help="Reports of one rule in a time; 0/1 for all.")
    ] = "100/1",
    _config: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--config",
            metavar="FILE",
            help="YAML: these options by their names, clusterName, hostName, and constants that every alert gets.",
            callback=_from_file,
            is_eager=True,
        ),
    ] = None,
    pins: Annotated[Path, PINS] = DEFAULT_PINS,
    state: Annotated[Path, STATE] = DEFAULT_STATE,
    programs: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--object", metavar="FILE", help="Compiled programs. [default: those of this package]"),
    ] = None,
) -> None:
    """Keep the kernel equal to policies, until SIGTERM; enforcement goes on afterwards.

    Containers are told of by the hook of their runtime, before their first program (see `hauberk-enforcer hook`); by
    the runtime itself with --cri, and by the status of their pods, soon after it.
    """
    from hauberk.enforcer.commands import run as command
    from hauberk.enforcer.commands.events import context_from
    from hauberk.enforcer.commands.load import pairs_of, rate_of
    from hauberk.enforcer.session import Places, object_file
    from hauberk.policy.model import Posture
    from hauberk.policy.problems import HauberkError

    if policies and kubeconfig:
        raise HauberkError("--policies is for nodes without a cluster: give it, or --kubeconfig")
    if label and not policies:
        raise HauberkError("--label is for --policies: in a cluster, labels are those of the Node")
    if reports is Reports.OPEN and policies:
        raise HauberkError("--reports openreports is written to an API server: leave out --policies")
    said = context_from(context.meta.get(_ALERTS, {}))
    options = command.Options(
        paths=tuple(policies or ()),
        kubeconfig=kubeconfig,
        node=node or said.host,
        labels=pairs_of(label or ()),
        posture=Posture(posture_file.value, posture_network.value, posture_capabilities.value),
        context=said,
        alerts=alerts,
        metrics=metrics,
        lease_namespace=lease_namespace,
        jitter=jitter,
        cri=cri,
        open_reports=reports is Reports.OPEN,
        observe=mode is Mode.OBSERVE,
        period=period,
        rate=rate_of(rate),
        most_bytes=memory_limit << 20,
        places=Places(pins, state),
        programs=programs or object_file(),
    )
    command.run(options)


@app.command(epilog=examples("hauberk-enforcer hook </run/state-of-a-container.json"))
def hook(state: Annotated[Path, STATE] = DEFAULT_STATE) -> None:
    """Tell the daemon of a container that is about to start (OCI hook `createRuntime`), and wait for it.

    The state of the container is on standard input, as runtimes give it. Exit code 0 when the container is judged by
    its policies from its first program on; otherwise the runtime does not start it.
    """
    import json as documents

    from hauberk.enforcer.node import hook as doors
    from hauberk.policy.problems import HauberkError

    try:
        given = documents.loads(sys.stdin.buffer.read(doors.MOST_BYTES))
    except ValueError:
        raise HauberkError("standard input holds no state of a container: runtimes give it to their hooks") from None
    doors.told(state.parent / "hook.sock", given)


commands = app
"""All commands: those of `app`, and the daemon's."""
