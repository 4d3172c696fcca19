"""Tables of the data-quality report: each says what one may and may not conclude from these data."""

from cj_helpers.dataset.quality.clocks import clock_profile
from cj_helpers.dataset.quality.leaks import suspected_leaks
from cj_helpers.dataset.quality.order import ties
from cj_helpers.dataset.quality.responses import survey_links, survey_response
from cj_helpers.dataset.quality.robots import likely_robots, without_robots
from cj_helpers.dataset.quality.timeouts import suggested_timeouts
from cj_helpers.dataset.quality.tracking import tracked_visits
from cj_helpers.dataset.quality.truncation import customer_truncation
from cj_helpers.dataset.quality.verdicts import overall_verdict, report_verdicts
from cj_helpers.text import check_words

__all__ = [
    "check_words",
    "clock_profile",
    "customer_truncation",
    "likely_robots",
    "overall_verdict",
    "report_verdicts",
    "suggested_timeouts",
    "survey_links",
    "survey_response",
    "suspected_leaks",
    "ties",
    "tracked_visits",
    "without_robots",
]
