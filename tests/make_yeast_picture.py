"""Make docs/charging.png: a charged slice before, after the published method, and after streaks.

Run by ``make charging-picture``; it needs the reference data (``STACKMEND_REFERENCE``). The slice
is SEM_yeast.tif of rosalindfranklininstitute/chafer, under the Apache-2.0 licence.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from skimage.io import imsave
from skimage.transform import downscale_local_mean

import reference_data
from stackmend import api
from stackmend.resources import config
from stackmend.stacks import open_stack

COLUMNS = slice(500, 1500)
SHRUNK = 2  # px to one: the picture is for a look

if __name__ == "__main__":
    source = reference_data.yeast()
    shown = [open_stack(source)[0].read(0)]
    with tempfile.TemporaryDirectory() as folder:
        for name in ("published-243", "streaks"):
            result = Path(folder) / name
            api.run(config(name), input=source, output=result, workers=1)
            shown.append(open_stack(result / "stack")[0].read(0))
    rows = []
    for pixels in shown:
        small = downscale_local_mean(pixels[:, COLUMNS], (SHRUNK, SHRUNK))
        rows += [small, np.full((6, small.shape[1]), 255)]
    imsave(sys.argv[1], np.vstack(rows[:-1]).round().astype(np.uint8), check_contrast=False)
