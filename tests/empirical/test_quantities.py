"""The sizes of roundings at a place are kept for all claims there, and are those of the numbers as they are."""

import numpy as np
import pytest

from bnverify.empirical.judgement.quantities import Quantities


def _place():
    one = np.ones((2, 3))
    return Quantities({"m": 8 * one, "mu": 5 * one, "s": 2 * one, "rho": one, "deviation": 2 * one, "g_g": 4 * one})


def test_sizes_are_kept():
    place = _place()
    assert place.sizes(1e-12) is place.sizes(1e-12) is not place.sizes(1e-12, squares=True)
    assert place.at_best(1e-12) is place.at_best(1e-12)
    assert place.at_best(1e-12)["mu"] == 0 and (place["mu"] == 5).all()


@pytest.mark.parametrize("how", ["set", "update", "or"])
def test_a_change_is_seen(how):
    place = _place()
    before, best = place.sizes(1e-12).error("mu"), place.at_best(1e-12)
    new = {"mu": 1e6 * np.ones((2, 3)), "deviation": np.ones((2, 3))}
    if how == "set":
        place["mu"], place["deviation"] = new.values()
    elif how == "update":
        place.update(new)
    else:
        place |= new
    assert (place.sizes(1e-12).error("mu") > before).all()
    assert place.at_best(1e-12) is not best
