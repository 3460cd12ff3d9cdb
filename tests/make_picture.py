"""Make README.png from a finished demo: the optimization slice before, after, and as it should be.

Run by ``make picture``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from skimage.io import imsave

from stackmend.stacks import open_phantom, open_stack

if __name__ == "__main__":
    result = Path(sys.argv[1])
    record = json.loads((result / "run.json").read_text(encoding="utf-8"))
    index = record["searches"][0]["slices"][0]
    charged = open_phantom(record["input"]["phantom"]).read(index)
    restored, truth = (open_stack(result / name)[0].read(index) for name in ("stack", "truth"))
    gap = np.full((charged.shape[0], 8), 255, dtype=np.uint8)
    row = np.hstack([charged, gap, restored, gap, truth])
    imsave(sys.argv[2], row, check_contrast=False)
