"""Arrays of another shape or kind than a function's annotation says do not pass unseen in the tests."""

import jax.numpy as jnp
import pytest
from jaxtyping import TypeCheckError

from bnverify.empirical.normalization.normalizers import l2
from bnverify.empirical.trajectory.activations import distribution


def test_a_wrong_shape_or_kind_is_refused():
    assert l2(jnp.ones((4, 3)), 0.1).shape == (3,)
    with pytest.raises(TypeCheckError, match="parameter 'columns'"):
        l2(jnp.ones(4), 0.1)
    with pytest.raises(TypeCheckError, match="parameter 'values'"):
        distribution(jnp.ones((4, 3), jnp.int32))


def test_sizes_of_one_name_are_one_number():
    from bnverify.empirical.normalization.normalizers import batch_norm

    with pytest.raises(TypeCheckError, match="parameter 'gamma'"):
        batch_norm(jnp.ones((4, 3)), jnp.ones(2), jnp.ones(3), 0.1)
