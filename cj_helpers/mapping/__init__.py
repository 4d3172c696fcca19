"""Journey mapping: what customers really do on the way to the goal.

Result tables made from events start with ``journey``; rates come with their n and an interval clustered by
customer.
"""

from cj_helpers.mapping.channels import channel_use, consistency, consistency_spread
from cj_helpers.mapping.compare import period_change, segment_differences
from cj_helpers.mapping.containment import containment, containment_gaps
from cj_helpers.mapping.contribution import removal_effects
from cj_helpers.mapping.flows import flows, fold_rare, positions
from cj_helpers.mapping.folding import fold_touchpoints
from cj_helpers.mapping.funnel import funnel
from cj_helpers.mapping.handoffs import handoff_success, handoffs, notable_handoffs
from cj_helpers.mapping.incidents import incidents
from cj_helpers.mapping.notable import notable_paths, with_kinds
from cj_helpers.mapping.paths import outcomes, transitions, variants
from cj_helpers.mapping.score import journey_scores
from cj_helpers.mapping.score_parts import Answers, score_answers
from cj_helpers.mapping.signals import signal_model, signals
from cj_helpers.mapping.silence import come_backs, gaps, return_curve, rule_sensitivity
from cj_helpers.mapping.stages import stage_channels, stages
from cj_helpers.mapping.summary import journey_overview, journey_summary, stitching_effect
from cj_helpers.mapping.touchpoints import rank_frictions, touchpoints
from cj_helpers.mapping.traits import promises, traits

__all__ = [
    "Answers",
    "channel_use",
    "come_backs",
    "consistency",
    "consistency_spread",
    "containment",
    "containment_gaps",
    "flows",
    "fold_rare",
    "fold_touchpoints",
    "funnel",
    "gaps",
    "handoff_success",
    "handoffs",
    "incidents",
    "journey_overview",
    "journey_scores",
    "journey_summary",
    "notable_handoffs",
    "notable_paths",
    "outcomes",
    "period_change",
    "positions",
    "promises",
    "rank_frictions",
    "removal_effects",
    "return_curve",
    "rule_sensitivity",
    "score_answers",
    "segment_differences",
    "signal_model",
    "signals",
    "stage_channels",
    "stages",
    "stitching_effect",
    "touchpoints",
    "traits",
    "transitions",
    "variants",
    "with_kinds",
]
