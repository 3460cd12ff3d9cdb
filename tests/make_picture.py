"""Make README.png from a finished demo: the optimization slice before and after.

Run by ``make picture``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from skimage.io import imsave

from stackmend.stacks import open_phantom, open_stack

if __name__ == "__main__":
    restored = open_stack(Path(sys.argv[1]) / "stack").read(3)
    charged = open_phantom({}).read(3)
    gap = np.full((charged.shape[0], 8), 255, dtype=np.uint8)
    pair = np.hstack([charged, gap, restored]).astype(np.float32)
    # One display range for both, fixed by the charged slice, as a microscopist would set it.
    low, high = np.percentile(charged, [0.1, 99.9])
    imsave(
        sys.argv[2],
        np.clip((pair - low) / (high - low) * 255, 0, 255).astype(np.uint8),
        check_contrast=False,
    )
