"""A seeded data set with planted, documented truth: the customers of a fictional internet provider.

Where each truth lives: all numbers in `world`; 1, 2, 6, 7 in `hazards` and `outages`; 4, 5 in `outages`; 3 in
`journeys`; 8, 9, 10 in `surveys`; 11 in `contracts`; 12 in `feeds` (its leak in `contracts`). `block` puts them in
order, `make` writes the folder.
"""

from cj_helpers.sample.make import make_sample

__all__ = ["make_sample"]
