"""Arrays of another shape or kind than a function's annotation says do not pass unseen in the tests."""

import jax.numpy as jnp
import pytest
from jaxtyping import TypeCheckError

from bnverify.empirical.normalization.batch import batch_norm


def test_a_wrong_shape_or_kind_is_refused():
    y, ones = jnp.ones((4, 3)), jnp.ones(3)
    assert batch_norm(y, ones, ones, 0.1).shape == (4, 3)
    with pytest.raises(TypeCheckError, match="parameter 'gamma'"):
        batch_norm(y, jnp.ones((3, 1)), ones, 0.1)
    with pytest.raises(TypeCheckError, match="parameter 'y'"):
        batch_norm(jnp.ones((4, 3), jnp.int32), ones, ones, 0.1)


def test_sizes_of_one_name_are_one_number():
    with pytest.raises(TypeCheckError, match="channel=3"):
        batch_norm(jnp.ones((4, 3)), jnp.ones(2), jnp.ones(3), 0.1)
