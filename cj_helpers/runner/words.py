"""The fixed words of the pages, in the language of the data set."""

from __future__ import annotations

from cj_helpers.runner.verdict import FAILED, LOST, OK, SKIPPED, TIMEOUT, Verdict
from cj_helpers.text import _, fill


def words() -> dict[str, str]:
    """Return every fixed word that the templates print."""
    return {
        "all_reports": _("All reports"),
        "code": _("Code"),
        "comment": _("Meaning"),
        "contents": _("Contents"),
        "data": _("All rows (CSV)"),
        "printed": _("Printed are the first 30 rows."),
        "data_up_to": _("Data up to"),
        "alerts": _("Alerts"),
        "default": _("default"),
        "given": _("given"),
        "incomplete": _("Its numbers are not published; what ran before stands below."),
        "key_figures": _("Key figures"),
        "log": _("Log"),
        "machine": _("For machines"),
        "metrics": _("Results (JSON)"),
        "manifest": _("Manifest (JSON)"),
        "notebook": _("Notebook"),
        "on_page_one": _("On page one"),
        "parameter": _("Parameter"),
        "reports": _("Reports"),
        "run": _("Run"),
        "set_by": _("Set by"),
        "skip": _("Skip to the details"),
        "value": _("Value"),
        "why": _("What happened: log of the run"),
    }


def status_word(status: str) -> str:
    """Return a status as a reader's word."""
    known = {
        OK: _("complete"),
        SKIPPED: _("skipped"),
        FAILED: _("failed"),
        TIMEOUT: _("took too long"),
        LOST: _("kernel lost"),
    }
    return known[status]


def banner(verdict: Verdict) -> dict[str, str]:
    """Return status, sentence and reason for the top of a page; an empty sentence for a good notebook."""
    return {
        "status": verdict.status,
        "sentence": "" if verdict.status == OK else _sentence(verdict),
        "reason": verdict.reason,
    }


def _sentence(verdict: Verdict) -> str:
    if verdict.status == SKIPPED:
        return _("This notebook was skipped.")
    if verdict.status == TIMEOUT:
        return fill("This notebook took too long and was stopped in cell {n:count}.", n=verdict.cell)
    if verdict.status == LOST:
        return fill("This notebook lost its kernel in cell {n:count}.", n=verdict.cell)
    if verdict.cell:
        return fill("This notebook failed in cell {n:count}.", n=verdict.cell)
    return _("This notebook failed.")
