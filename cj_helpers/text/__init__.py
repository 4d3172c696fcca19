"""Words for readers: translation, and the one place where numbers, dates and durations become text.

Every generated sentence is a literal template with named placeholders. `fill` looks it up in the catalogue
of the chosen language and formats each value by the kind named in its placeholder::

    fill("{share:percent} of {n:count} journeys ended within {d:days}.", share=0.589, n=12345, d=6.0)
    '58.9 % of 12,345 journeys ended within 6.0 days.'

Nothing else formats a value: figures and tables ask `format_value`, `interval`, `label` and `column_kind`.

Translating
-----------
English is built in. `python -m cj_helpers.text cj.pot` collects every template, label and caption of the
package and the notebooks; `pybabel init -i cj.pot -d cj_helpers/locale -D cj -l de` starts a translation and
`pybabel compile -d cj_helpers/locale -D cj` makes `cj_helpers/locale/de/LC_MESSAGES/cj.mo`, after which
`language: de` works in dataset.yml. What a catalogue does not hold stays English. Decimal mark, thousands
mark and date formats are entries of the catalogue too.
"""

from cj_helpers.text.columns import column_kind, label, table_kinds, table_labels, value_label
from cj_helpers.text.csvtext import csv_text
from cj_helpers.text.data_check_words import check_words
from cj_helpers.text.formats import KINDS, format_value, interval, is_missing, number_marks
from cj_helpers.text.language import N_, _, languages, set_language, set_wording
from cj_helpers.text.numbers import set_currency
from cj_helpers.text.purchase_words import PURCHASE_WORDS
from cj_helpers.text.templates import fill, fill_each, placeholders
from cj_helpers.text.times import local_time, set_time_zone

__all__ = [
    "KINDS",
    "N_",
    "PURCHASE_WORDS",
    "_",
    "check_words",
    "column_kind",
    "csv_text",
    "fill",
    "fill_each",
    "format_value",
    "interval",
    "is_missing",
    "label",
    "languages",
    "local_time",
    "number_marks",
    "placeholders",
    "set_currency",
    "set_language",
    "set_time_zone",
    "set_wording",
    "table_kinds",
    "table_labels",
    "value_label",
]
