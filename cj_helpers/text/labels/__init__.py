"""Literal words for the columns and the fixed values of result tables, marked for translation.

One module per report, and `shared` for what several name. For readers a word is the same everywhere: the
rooms are merged into one flat mapping, and a name that two of them word is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from cj_helpers.text.labels import churn, mapping, nps, priorities, quality, shared, survival
from cj_helpers.text.language import N_


def merge_words(rooms: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """One mapping of the words of all rooms.

    Parameters
    ----------
    rooms : mapping of str to mapping of str to str
        Name of each room, and its words by column or value.

    Raises
    ------
    ValueError
        When two rooms word the same name: the one read last would change the tables of the other.

    Examples
    --------
    >>> merge_words({"nps": {"vif": "VIF"}, "churn": {"lift": "Lift"}})
    {'vif': 'VIF', 'lift': 'Lift'}
    """
    words: dict[str, str] = {}
    owner: dict[str, str] = {}
    for room, own in rooms.items():
        for name, text in own.items():
            if name in owner:
                raise ValueError(f"{name!r} has words in {owner[name]} and in {room}; move it to shared.")
            words[name], owner[name] = text, room
    return words


_ROOMS = {
    "shared": shared,
    "quality": quality,
    "mapping": mapping,
    "survival": survival,
    "nps": nps,
    "churn": churn,
    "priorities": priorities,
}
# Heading of each column that the notebooks' tables share; `label` makes readable words of any other name.
LABELS = merge_words({name: room.LABELS for name, room in _ROOMS.items()})
# Words for values that stand for themselves in the data, such as the outcome of a journey.
VALUES = merge_words({name: room.VALUES for name, room in _ROOMS.items()})
# Headings that differ where a table has all columns on the left.
BESIDE = {
    ("source", "target"): {"source": N_("From"), "target": N_("To")},
    ("promoters",): {"n": N_("Answers")},
    ("hazard_ratio",): {"change": N_("Early against late")},
    ("gap",): {"reference": N_("Reference"), "n_reference": N_("Journeys there")},
}
