"""Names of persons: customer numbers, and the cookies under which the web knows them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cj_helpers.sample.people import BLOCK, People

_ALL = 10_000_000  # all possible customers; numbers of prospects follow


def person_ids(first: int, prospects: int) -> pa.Array:
    """Ids of the persons of a block: customers C0000000 to C9999999, then prospects P0000000 on."""
    number = np.concatenate([first + np.arange(BLOCK), first // BLOCK * prospects + np.arange(prospects)])
    digits = (_ALL + number).astype("S8").view("S1").reshape(-1, 8)
    digits[:BLOCK, 0], digits[BLOCK:, 0] = b"C", b"P"
    return pa.array(digits.view("S8").ravel()).cast(pa.string())


def visitor_ids(first: int, people: People) -> pa.Array:
    """Cookies of the persons: position 2 * person for the mobile device, 2 * person + 1 for the desktop."""
    prospects = _ALL + first // BLOCK * people.prospects + np.arange(people.prospects)
    number = np.concatenate([first + np.arange(BLOCK), prospects])
    cookie = (2 * number[:, None] + np.array([0, 1])).ravel().astype(np.uint64)
    # A one-to-one mixing of 32 bits, so that cookies look random and no two are the same.
    cookie = (cookie * 2654435761 + 97) % 2**32
    cookie = ((cookie ^ (cookie >> 15)) * 2246822519) % 2**32
    text = np.frombuffer(cookie.astype(">u4").tobytes().hex().encode(), "S8")
    return pc.binary_join_element_wise("v", pa.array(text).cast(pa.string()), "")
