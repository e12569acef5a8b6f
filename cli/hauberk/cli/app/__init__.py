"""The command line's commands: options in, exit code out. Importing this package registers them, in order of help."""

from hauberk.cli.app import gitops, lint, questions, tools
from hauberk.cli.app.base import app

__all__ = ["app", "gitops", "lint", "questions", "tools"]
