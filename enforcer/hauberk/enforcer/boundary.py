"""Where a run ends: the only place that catches, prints errors and exits."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import typer

from hauberk.enforcer.faults import FINDINGS, USAGE, RefusedError, explained
from hauberk.enforcer.kernel.errors import KernelError, NotOursError, TooLargeError
from hauberk.enforcer.nodeapp import commands
from hauberk.enforcer.version import version_line
from hauberk.policy.problems import HauberkError

BUG, INTERRUPTED = 3, 130

# click's ClickException, wherever this typer keeps it: newer ones carry a click of their own
_USAGE_ERROR: Any = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")


def run() -> NoReturn:
    """Runs the command line: expected errors are one message, a bug is named as one."""
    try:
        code = commands(standalone_mode=False)
        sys.stdout.flush()
        sys.exit(code)
    except SystemExit:
        # typer itself ends a run whose reader went away, with 1: that would mean findings
        if type(sys.stdout).__name__ == "PacifyFlushWrapper":
            sys.exit(INTERRUPTED)
        raise
    except _USAGE_ERROR as error:
        error.show()
        sys.exit(USAGE)
    except RefusedError as error:
        _say(str(error))
        sys.exit(FINDINGS)
    except HauberkError as error:
        _say(str(error))
        sys.exit(USAGE)
    except (KernelError, NotOursError, TooLargeError) as error:
        if isinstance(error, KernelError) and os.environ.get("HAUBERK_DEBUG"):
            typer.echo("\n".join(error.log), err=True)
        _say(explained(error))
        sys.exit(FINDINGS)
    except (KeyboardInterrupt, typer.Abort):
        _say("interrupted")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(INTERRUPTED)
    except PermissionError as error:
        _say(f"{error.filename or 'output'}: {error.strerror}: run it as root")
        sys.exit(USAGE)
    except OSError as error:
        _say(f"{error.filename or 'output'}: {error.strerror}")
        sys.exit(USAGE)
    except Exception as error:  # noqa: BLE001  # the boundary
        _bug(error)
        sys.exit(BUG)


def _say(text: str) -> None:
    typer.echo(f"hauberk-enforcer: {text}", err=True)


def _bug(error: Exception) -> None:
    import platform
    import traceback

    if os.environ.get("HAUBERK_DEBUG"):
        traceback.print_exc()
    last = traceback.extract_tb(error.__traceback__)[-1]
    _say(
        f"internal error: {type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno}; "
        f"{version_line()}, Python {platform.python_version()}). This is a bug of Hauberk: "
        "please report it with the output of the same command under HAUBERK_DEBUG=1"
    )
