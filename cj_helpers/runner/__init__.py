"""Notebooks -> executed notebooks -> HTML, tables, results.json, manifest.json and an index, all or nothing."""

from cj_helpers.runner.limits import Limits
from cj_helpers.runner.publish import Locked
from cj_helpers.runner.requests import Request, RunResult
from cj_helpers.runner.runs import run
from cj_helpers.runner.signals import Interrupted

__all__ = ["Interrupted", "Limits", "Locked", "Request", "RunResult", "run"]
