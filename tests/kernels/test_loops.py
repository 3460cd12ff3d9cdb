"""The compiled loops work wherever the package is installed."""

from __future__ import annotations

import numpy as np

from stackmend.kernels._loops import compiled


def test_without_a_place_for_the_cache():
    # What has no file cannot be cached, as nothing can in a read-only installation of a user
    # without a home.
    namespace: dict[str, object] = {}
    exec("def total(values):\n    return values.sum()", namespace)
    assert compiled(namespace["total"])(np.arange(4)) == 6
