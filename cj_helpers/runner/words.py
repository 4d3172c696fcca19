"""The fixed words of the pages, in the language of the data set."""

from __future__ import annotations

import json

from cj_helpers.runner.verdict import FAILED, LOST, OK, SKIPPED, TIMEOUT, Verdict
from cj_helpers.text import _, fill, number_marks


def words() -> dict[str, str]:
    """Return every fixed word that the templates print, and the marks by which the script reads numbers."""
    return {
        "all_reports": _("All reports"),
        "code": _("Code"),
        "comment": _("Meaning"),
        "contents": _("Contents"),
        "data": _("All rows (CSV)"),
        "printed": _("Printed are the first 30 rows."),
        "data_word": _("Data"),
        "data_up_to": _("Data up to"),
        "alerts": _("Alerts"),
        "default": _("default"),
        "failed_run": _("What the failed run left"),
        "failed_runs": _("Failed runs"),
        "given": _("given"),
        "incomplete": _("Its numbers are not published; what ran before stands below."),
        "key_figures": _("Key figures"),
        "last_attempt": _("Last attempt"),
        "log": _("Log"),
        "machine": _("For machines"),
        "metrics": _("Results (JSON)"),
        "manifest": _("Manifest (JSON)"),
        "never_good": _("There is no complete report yet."),
        "not_renewed": _("The reports are not renewed"),
        "notebook": _("Notebook"),
        "on_page_one": _("On page one"),
        "parameter": _("Parameter"),
        "reason": _("Reason"),
        "reports": _("Reports"),
        "run": _("Run"),
        "set_by": _("Set by"),
        "since": _("Not renewed since"),
        "still_there": _("The last complete reports are unchanged"),
        "skip": _("Skip to the details"),
        "value": _("Value"),
        "why": _("What happened: log of the run"),
        "age": _("Computed"),
        "by_market": _("Reports by market"),
        "change": _("Change since"),
        "changes": _("What was changed when"),
        "close": _("Close"),
        "commit": _("Code"),
        "compared": _(
            "Compared with the last run with the same parameters; pp: percentage points. A change is called real when "
            "it is larger than the errors of both runs together. Runs share customers: the verdict is careful."
        ),
        "downloads": _("Downloads"),
        "enlarge": _("Enlarge"),
        "enlarged": _("Figure at full size"),
        "figure": _("Figure"),
        "figure_data": _("Data of this figure (CSV)"),
        "findings": _("Findings"),
        "first_run": _("There is no earlier run to compare with."),
        "interval": _("95 % interval"),
        "is_real": _("Is it real?"),
        "last_complete": _("last complete"),
        "measure": _("Measure"),
        "more_findings": _("Further findings"),
        "analysis": _("Analysis"),
        "data_verdict": _("Can the data be trusted?"),
        "report": _("Report"),
        "small_markets": _("Without a report to protect customers, as they are too few"),
        "sort": _("Sort by this column"),
        "status": _("Status"),
        "trend": _("Past runs"),
        "verdict": _("Verdict"),
        "table": _("Table"),
        "red": _("Red"),
        "amber": _("Amber"),
        "level_red": _("the whole interval is beyond the limit"),
        "level_amber": _("only the estimate is beyond the limit"),
        "kind_tables": _("tables"),
        "kind_figures": _("data of figures"),
        "kind_notebooks": _("notebook"),
        "numbers": json.dumps(number_marks(), ensure_ascii=False),
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
    if verdict.status == TIMEOUT and not verdict.cell:
        return _("This notebook was not run to its end.")
    if verdict.status == TIMEOUT:
        return fill("This notebook took too long and was stopped in cell {n:count}.", n=verdict.cell)
    if verdict.status == LOST:
        return fill("This notebook lost its kernel in cell {n:count}.", n=verdict.cell)
    if verdict.cell:
        return fill("This notebook failed in cell {n:count}.", n=verdict.cell)
    return _("This notebook failed.")
