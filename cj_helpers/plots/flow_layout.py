"""Where the touchpoints of a journey graph stand: layers from left to right, with lanes for long moves."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import partial
from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd

from cj_helpers.plots.parts import spread

END_STATES = ("(completed)", "(abandoned)", "(open)")
_LANE = 0.3  # room of a passing move, in heights of a box
_LAST = 1000.0  # added to the position of a touchpoint where most journeys end

Place = tuple[int, str]  # layer and name; a lane has the name of its move
Edge = tuple[str, str]


class Move(NamedTuple):
    """One arrow: from where, to where, how often, and the value that its colour shows (NaN: not known)."""

    source: str
    target: str
    n: float
    value: float


@dataclass(frozen=True)
class Layout:
    """Layer and height (in boxes, from 0) of each touchpoint, and the lanes of each long move."""

    layer: dict[str, int]
    height: dict[str, float]
    lanes: dict[Edge, list[tuple[int, float]]]
    n_layers: int
    extent: float


def typical_positions(table: pd.DataFrame) -> dict[str, float]:
    """Return after how many steps each touchpoint typically comes, by the moves in the table.

    Journeys start where more moves leave than arrive; from there the shares of the moves are followed
    for 60 steps. Where most journeys end comes last. This orders a picture; it is no estimate.
    """
    inner, ended = table[~table["target"].isin(END_STATES)], table[table["target"].isin(END_STATES)]
    out = table.groupby("source")["n_transitions"].sum()
    names = sorted({*out.index, *inner["target"]})
    index = {name: number for number, name in enumerate(names)}
    moves = np.zeros((len(names), len(names)))
    np.add.at(moves, (inner["source"].map(index), inner["target"].map(index)), inner["n_transitions"])
    leaving = out.reindex(names).fillna(0).to_numpy(dtype=float)
    here = np.clip(leaving - moves.sum(axis=0), 0, None)
    if here.sum() <= 0:
        here = np.ones(len(names))
    shares = moves / np.maximum(leaving, 1e-9)[:, None]
    visits, weighted = np.zeros(len(names)), np.zeros(len(names))
    for step in range(60):
        visits, weighted, here = visits + here, weighted + step * here, here @ shares
    places = np.where(visits > 0, weighted / np.maximum(visits, 1e-12), 60.0)
    last = ended.groupby("source")["n_transitions"].sum().reindex(names).fillna(0).to_numpy(dtype=float) > leaving / 2
    return dict(zip(names, (places + _LAST * last).tolist(), strict=True))


def arrange(
    moves: Sequence[Move], positions: dict[str, float], *, max_layers: int, goals: Set[str] = frozenset()
) -> Layout:
    """Place the touchpoints of `positions` and the lanes of moves that pass over layers.

    A touchpoint stands one layer right of the touchpoint from which most of its arrivals come, one
    where journeys end right of all its arrivals, and `goals` in the last layer. Beyond `max_layers`
    neighbouring layers are merged where the fewest moves then stay within a layer. The order within
    a layer follows the neighbours, in sweeps from both sides (Sugiyama et al. 1981).
    """
    order = sorted(positions, key=lambda name: (positions[name], name))
    layer = _placed(_layers(moves, order, positions), moves, positions, max_layers, goals)
    chains = {(move.source, move.target): _chain(move, layer) for move in moves}
    routes = [[(layer[one], one), *chain, (layer[other], other)] for (one, other), chain in chains.items()]
    links = [link for route in routes for link in pairwise(route) if link[0][0] != link[1][0]]
    columns: list[list[Place]] = [[] for _layer in range(max(layer.values()) + 1)]
    for place in [*((layer[name], name) for name in order), *(lane for chain in chains.values() for lane in chain)]:
        columns[place[0]].append(place)
    near = _neighbours(columns, links)
    columns = _sorted_columns(columns, links, near)
    height = _heights(columns, near)
    return Layout(
        layer=layer,
        height={name: height[(layer[name], name)] for name in order},
        lanes={edge: [(place[0], height[place]) for place in chain] for edge, chain in chains.items()},
        n_layers=len(columns),
        extent=max(height[place] + _size(place) / 2 for column in columns for place in column),
    )


def _layers(moves: Sequence[Move], order: list[str], positions: dict[str, float]) -> dict[str, int]:
    layer: dict[str, int] = {}
    for name in order:
        arrivals = [move for move in moves if move.target == name and move.source in layer]
        arrivals.sort(key=lambda move: -move.n)
        sources = arrivals if positions[name] >= _LAST else arrivals[:1]
        layer[name] = max((layer[move.source] + 1 for move in sources), default=0)
    return layer


def _placed(
    layer: dict[str, int], moves: Sequence[Move], positions: dict[str, float], limit: int, goals: Set[str]
) -> dict[str, int]:
    """Merge the layers of all touchpoints but the goals, which stand right of every step on the way to them."""
    others = {name: place for name, place in layer.items() if name not in goals}
    if not others or len(others) == len(layer):
        return _merged(layer, moves, limit)
    between = [move for move in moves if move.source in others and move.target in others]
    others = _merged(others, between, limit - 1)
    last = max(place + (positions[name] < _LAST) for name, place in others.items())
    return {name: others.get(name, last) for name in layer}


def _merged(layer: dict[str, int], moves: Sequence[Move], limit: int) -> dict[str, int]:
    """Merge neighbouring layers into at most `limit`, with the fewest moves and boxes in one layer."""
    depth = max(layer.values()) + 1
    if depth <= limit:
        return layer
    best: dict[tuple[int, int], tuple[float, list[int]]] = {(0, 0): (0.0, [])}
    for groups in range(1, limit + 1):
        for end in range(groups, depth + 1):
            known = [first for first in range(groups - 1, end) if (groups - 1, first) in best]
            ways = [(best[(groups - 1, first)], _merge_cost(layer, moves, first, end)) for first in known]
            best[(groups, end)] = min((before[0] + cost, [*before[1], end]) for before, cost in ways)
    ends = best[(limit, depth)][1]
    return {name: sum(end <= place for end in ends) for name, place in layer.items()}


def _merge_cost(layer: dict[str, int], moves: Sequence[Move], first: int, end: int) -> float:
    """Return the share of moves that stay within the layers from `first` to before `end`, plus one for height."""
    pairs = [(*sorted((layer[move.source], layer[move.target])), move.n) for move in moves]
    inner = sum(n for low, high, n in pairs if first <= low < high < end)
    boxes = sum(first <= place < end for place in layer.values())
    return inner / (sum(n for _low, _high, n in pairs) or 1.0) + 0.01 * boxes**2


def _chain(move: Move, layer: dict[str, int]) -> list[Place]:
    """Return the lanes a move needs in the layers it passes, in its direction."""
    start, end = layer[move.source], layer[move.target]
    way = 1 if end > start else -1
    return [(number, f"\0{move.source}\0{move.target}") for number in range(start + way, end, way)] * (start != end)


def _size(place: Place) -> float:
    return _LANE if place[1].startswith("\0") else 1.0


def _neighbours(columns: list[list[Place]], links: list[tuple[Place, Place]]) -> dict[Place, list[Place]]:
    near: dict[Place, list[Place]] = {place: [] for column in columns for place in column}
    for one, other in links:
        near[one].append(other)
        near[other].append(one)
    return near


def _sorted_columns(
    columns: list[list[Place]], links: list[tuple[Place, Place]], near: dict[Place, list[Place]]
) -> list[list[Place]]:
    """Sort each layer by the mean rank of its neighbours; keep the order with the fewest crossings."""
    best, fewest = columns, _crossings(columns, links)
    for sweep in range(16):
        way = 1 if sweep % 2 == 0 else -1
        columns = [list(column) for column in columns]
        for number in list(range(len(columns)))[::way][1:]:
            rank = {place: position for position, place in enumerate(columns[number - way])}
            columns[number].sort(key=partial(_mean_rank, near, rank, columns[number].copy()))
        count = _crossings(columns, links)
        if count < fewest:
            best, fewest = columns, count
    return best


def _mean_rank(
    near: dict[Place, list[Place]], rank: dict[Place, int], column: list[Place], place: Place
) -> tuple[float, int]:
    own = column.index(place)
    ranks = [rank[other] for other in near[place] if other in rank]
    return (sum(ranks) / len(ranks) if ranks else own), own


def _crossings(columns: list[list[Place]], links: list[tuple[Place, Place]]) -> int:
    rank = {place: position for column in columns for position, place in enumerate(column)}
    ends = [sorted(link) for link in links]
    return sum(
        one[0][0] == other[0][0] and (rank[one[0]] - rank[other[0]]) * (rank[one[1]] - rank[other[1]]) < 0
        for one, other in combinations(ends, 2)
    )


def _heights(columns: list[list[Place]], near: dict[Place, list[Place]]) -> dict[Place, float]:
    """Stack each layer in its order, each place as level with its neighbours as the room allows."""
    gaps = [[(_size(one) + _size(other)) / 2 for one, other in pairwise(column)] for column in columns]
    height: dict[Place, float] = {}
    for column, gap in zip(columns, gaps, strict=True):
        stacked = np.concatenate([[0.0], np.cumsum(gap)])
        height.update(zip(column, (stacked - stacked.mean()).tolist(), strict=True))
    for _sweep in range(12):
        for column, gap in zip(columns, gaps, strict=True):
            wanted = [np.mean([height[other] for other in near[place]] or [height[place]]) for place in column]
            height.update(zip(column, spread(wanted, gap).tolist(), strict=True))
    top = min(height[place] - _size(place) / 2 for place in height)
    return {place: value - top for place, value in height.items()}
