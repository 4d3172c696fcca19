"""Inside a notebook: what a reader sees and what a machine may collect, one call each.

Every call displays one output that carries its data as ``application/vnd.cj.result+json``, HTML that is
escaped and complete in itself, and plain text. Templates, captions, labels and alternative texts are literals
with named placeholders (see `cj_helpers.text`)::

    data = report.open("../data/sample", journey="outage_recovery")
    report.show("outcomes", table, "How {n:count} journeys ended", n=len(journeys))
    report.metric("completed_within", 0.589, conf_low=0.56, conf_high=0.618, n=1234,
                  label="Completed within {days:days}", days=14, tile=True)
    report.finding("{share:percent} give up before the repair.", level="warning", weight=3, share=0.21)
    report.figure("outcomes", axes.figure, "Bars: {n:count} journeys by outcome", n=len(journeys))
    report.provenance()
"""

from cj_helpers.report.display import MIME_TYPE
from cj_helpers.report.figures import figure
from cj_helpers.report.files import export, export_refusal
from cj_helpers.report.opening import NotebookSkipped, need_customers, open
from cj_helpers.report.origin import provenance
from cj_helpers.report.statements import attempt, finding, interval_of, metric, not_estimable
from cj_helpers.report.tables import publishable, show

__all__ = [
    "MIME_TYPE",
    "NotebookSkipped",
    "attempt",
    "export",
    "export_refusal",
    "figure",
    "finding",
    "interval_of",
    "metric",
    "need_customers",
    "not_estimable",
    "open",
    "provenance",
    "publishable",
    "show",
]
