"""dataset.yml -> Dataset: events, surveys and customers of one company, read strictly.

Text files are read as text and converted by what dataset.yml declares; whatever does not fit is counted,
and above a stated share it is an error. Raw customer ids stay in the engine.
"""

from cj_helpers.dataset.checks import channel_days, feed_gaps
from cj_helpers.dataset.config import nearest, parse_as_of
from cj_helpers.dataset.frames import customer_frame, durations_left_out, survey_frame, tenure_unit
from cj_helpers.dataset.invitations import invitation_frame
from cj_helpers.dataset.model import Dataset
from cj_helpers.dataset.opening import open_dataset
from cj_helpers.dataset.pseudonyms import customer_pseudonyms, key_name, pseudonym
from cj_helpers.dataset.raw_ids import find_raw_ids, raw_id_hashes
from cj_helpers.dataset.schema_score import ScoreFormula
from cj_helpers.dataset.segments import keep_segment, markets

__all__ = [
    "Dataset",
    "ScoreFormula",
    "channel_days",
    "customer_frame",
    "customer_pseudonyms",
    "durations_left_out",
    "feed_gaps",
    "find_raw_ids",
    "invitation_frame",
    "keep_segment",
    "key_name",
    "markets",
    "nearest",
    "open_dataset",
    "parse_as_of",
    "pseudonym",
    "raw_id_hashes",
    "survey_frame",
    "tenure_unit",
]
