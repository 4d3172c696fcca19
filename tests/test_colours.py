"""Colours of the figures are told apart with any colour vision."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from cj_helpers.plots import nps, stacked, style

# Machado, Oliveira and Fernandes (2009), severity 1.0: what is seen of linear red, green and blue.
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.119192, 0.9503041]]
)
WHITE = np.array([0.95047, 1.0, 1.08883])
SETS = {
    "segments": style.PALETTE,
    "outcomes": tuple(style.OUTCOME_COLORS.values()),
    "outcomes over time": tuple(stacked._COLORS.values()),
    "promoters to detractors": tuple(nps._GROUPS.values()),
    "control chart": (style.VERMILION, nps._BEGINS, style.BLUE),
}


def seen(colour: str, vision: str) -> np.ndarray:
    """L*a*b* of a colour as somebody with this vision sees it."""
    parts = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(VISION[vision] @ linear, 0, 1) / WHITE
    roots = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * roots[1] - 16, 500 * (roots[0] - roots[1]), 200 * (roots[1] - roots[2])])


def distance(first: str, second: str, vision: str) -> float:
    """CIE 1976 colour difference; about 2.3 is just noticeable."""
    return float(np.linalg.norm(seen(first, vision) - seen(second, vision)))


def test_distances_are_those_of_the_standard():
    assert distance("#000000", "#FFFFFF", "normal") == pytest.approx(100, abs=0.01)
    assert seen("#FF0000", "normal") == pytest.approx([53.24, 80.09, 67.20], abs=0.02)  # sRGB red, D65
    assert (
        distance("#B32400", "#4D6600", "deuteranopia") < distance("#B32400", "#4D6600", "normal") / 2
    )  # red and olive


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("name", SETS)
def test_colours_that_stand_together_differ_clearly(name, vision):
    near = {(one, two): distance(one, two, vision) for one, two in combinations(SETS[name], 2)}
    assert min(near.values()) > 15, near
