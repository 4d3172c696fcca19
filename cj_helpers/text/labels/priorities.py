"""Words of the tables of priorities (report 05)."""

from __future__ import annotations

from cj_helpers.text.language import N_

LABELS = {
    "from_to": N_("From and to"),
    "goal": N_("Goal"),
    "what_changed": N_("What changed"),
}

VALUES = {
    "best_period": N_("best quarter"),
    "best_channel": N_("best channel"),
    "best_segment": N_("best group"),
    "benchmark": N_("benchmark"),
}
