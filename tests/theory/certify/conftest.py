"""The library that generated proofs need is compiled once for all tests that use it."""

import pytest


@pytest.fixture(scope="session")
def coq_cache(tmp_path_factory):
    """The folder of a cache of certificates and compiled libraries, each under the hash of what it was made from."""
    return str(tmp_path_factory.mktemp("coq-cache"))
