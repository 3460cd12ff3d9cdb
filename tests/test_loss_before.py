"""The loss before correction, computed by the letter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from commands import (
    Write,
)
from stackmend import api


def test_the_loss_before_correction_is_that_of_the_uncorrected_slice(
    cell: Path, protocol: Write
) -> None:
    """By the letter: standardise, find with the chosen values, hand the slice to the loss."""
    from stackmend.chain import Bound, compile_chain
    from stackmend.losses.charging_histogram import charged_regions, loss
    from stackmend.registry import IMAGE, losses, steps
    from stackmend.stacks import open_stack

    record = api.run(
        protocol(optimize={"slices": [0, 1], "loss": {"name": "charging_histogram", "distance": 4}})
    ).record
    search, expected = record["searches"][0], []
    chain = [
        Bound(
            steps().get(step["step"]),
            step["id"],
            {n: p["value"] for n, p in step["parameters"].items()},
        )
        for step in record["chain"][:2]
    ]
    assert losses().get("charging_histogram").version == search["loss_version"]
    for number in (0, 1):
        image = open_stack(cell)[0].read(number).astype(np.float32)
        products = compile_chain(chain, given=(IMAGE, *_given(chain))).evaluate(
            {IMAGE: image} | _given(chain)
        )
        options = search["loss_parameters"]
        regions = charged_regions(products["charging_mask"], **options)
        expected.append(loss(products[IMAGE], regions))
    assert search["loss_before"] == pytest.approx(np.mean(expected), rel=1e-12)
    assert search["loss_before"] != search["loss_of_choice"]
    assert search["loss_of_choice"] <= search["loss_median"]


def _given(chain: Any) -> dict[str, None]:
    return {bound.survey_product: None for bound in chain if bound.survey_product}
