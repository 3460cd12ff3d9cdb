"""Pairs of slices as other programs align them: phase correlation, and the largest correlation."""

from __future__ import annotations

from typing import Any

from stackmend.kernels import transforms
from stackmend.kernels.align_fit import Fit, fitted, inner_box
from stackmend.kernels.align_pairs import checked, coarse_to_fine, largest_of, record
from stackmend.kernels.align_slices import Prepared, inner
from stackmend.kernels.align_start import shift_of, spectrum_of

SMOOTH = 1.0  # px, sigma that the peak is given


def phase_pair(
    first: Prepared, second: Prepared, *, largest_shift: float | None = None
) -> dict[str, Any]:
    """The shift between two slices by phase correlation under a Hann window.

    Parameters
    ----------
    first, second
        By `align_slices.prepare`.
    largest_shift
        px; a quarter of the shorter side if ``None``.

    Returns
    -------
    dict
        As `align_pairs.robust_pair` has it; the correlation is that of all pixels in common.

    Notes
    -----
    The whole cross spectrum has modulus 1 [1]_; fractions of a pixel are those of a parabola
    through the logarithm of the peak, which is smoothed by a pixel first.

    References
    ----------
    .. [1] C. D. Kuglin, D. C. Hines, The phase correlation image alignment method, Proc. IEEE Int.
       Conf. Cybernetics and Society (1975), 163-165.
    """
    checked(first, second)
    largest = largest_of(first, largest_shift)
    one, two = first.levels[0], second.levels[0]
    parts = [inner(one), inner(two)]
    spectra = [spectrum_of(each) for each in parts]
    how: dict[str, Any] = {"largest": largest, "whitened": 1.0, "smooth": SMOOTH}
    shift = shift_of(spectra[0], spectra[1], parts[0].shape, **how)
    # One step measures how well the slices agree there; its matrix is not taken.
    start = Fit(transforms.translation(shift))
    box = inner_box(one, "translation")
    seen = fitted(one, two, start, "translation", box=box, spline=True, robust=False, steps=1)
    found = Fit(start.matrix, seen.gain, seen.offset, seen.correlation, seen.used, settled=True)
    return record(first, found, largest)


def ecc_pair(
    first: Prepared, second: Prepared, *, model: str, largest_shift: float | None = None
) -> dict[str, Any]:
    """The transform under which two slices correlate most, from coarse to fine.

    Parameters
    ----------
    first, second
        Both made with this model, by `align_slices.prepare`.
    model
        ``translation``, ``euclidean`` or ``affine``.
    largest_shift
        px; a quarter of the shorter side if ``None``.

    Returns
    -------
    dict
        As `align_pairs.robust_pair` has it.

    Notes
    -----
    Least squares with a free gain and offset, all pixels alike: their minimum is the maximum of the
    enhanced correlation coefficient [1]_.

    References
    ----------
    .. [1] G. D. Evangelidis, E. Z. Psarakis, Parametric image alignment using enhanced correlation
       coefficient maximization, IEEE Trans. Pattern Anal. Mach. Intell. 30 (2008), 1858-1865,
       :doi:`10.1109/TPAMI.2008.113`.
    """
    checked(first, second)
    largest = largest_of(first, largest_shift)
    return record(first, coarse_to_fine(first, second, model, largest, robust=False), largest)
