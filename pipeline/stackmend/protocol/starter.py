"""The text of a starting protocol."""

from __future__ import annotations

from string import Template

_TEXT = Template("""\
# yaml-language-server: $$schema=protocol.schema.json
# For editors: 'stackmend schema > protocol.schema.json' writes the schema that the first line
# names.
# A stackmend protocol: what is restored, by which steps, and how their parameters are chosen.
# 'stackmend check FILE' looks for mistakes, 'stackmend run FILE' does the work, \
'stackmend steps' explains the steps.
# Shading, curtains and noise beside charge: 'stackmend configs cryo', 'stackmend configs resin'.
protocol: 1
name: decharge

input:
$input

output:
  path: results/decharge  # a new or empty folder, or the result of an earlier run
  format: tiff-folder  # or tiff: one multi-page file, or ome-zarr
  dtype: input  # or uint8, uint16, float32

chain:
  - step: standardize  # grey levels to 0..1
    per: stack  # one scale for all slices; by its own a clean slice would be amplified
    percentiles: [0.5, 99.5]  # of the pixels lie in it; null: from the lowest to the highest level
  - step: find_charging
    inverse: $inverse  # true: charged regions are darker than their surroundings; false: brighter
    gf1_sigma: {sweep: $gf1}  # px; about the size of the charged regions
    # To measure it in Fiji: draw a straight line across a region and read its length, without
    # units of length (Analyze > Set Scale > remove); try half of that, that, and twice that.
    color_shift: {sweep: [0.05, 0.1, 0.2]}  # of the grey range; above the contrast of the tissue
    # In Fiji: Analyze > Plot Profile along a line over clean tissue shows that contrast.
  - step: correct_charging
    gf2_sigma: {sweep: $gf2}  # px; as gf1_sigma: flattens once more
    rb_radius: {sweep: $radius}  # px; the rolling ball: larger than structures that stay
    gf3_sigma: {sweep: $gf3}  # px; smooths the background of the ball
  - step: destandardize  # back to the grey levels of the input

optimize:
  slices: [$choose]  # a slice with typical charging, counted from 0
  validate: [$validate]  # held out: its loss is reported, never used to choose
  # clean: [0]  # slices known to be clean: what changes them is not chosen
  loss: common_histogram  # one mask for all combinations, so that their losses can be compared
  # also: injection_error  # what is left of known charge beside it; three times the work
  on_nothing_found: stop  # or skip: leave a stack without charging as it is
""")

_PHANTOM = """\
  phantom: {}  # a synthetic stack; for your own, write instead:
  # path: data/cell3  # a folder of TIFF slices, a TIFF, OME-Zarr, HDF5 or MRC, \
relative to this file"""


def starting_protocol() -> str:
    """A commented protocol for a synthetic stack."""
    return _written(
        input=_PHANTOM, inverse="true", choose=3, validate=5,
        gf1="[20, 40]", gf2="[20, 40]", radius="[10, 50]", gf3="[4, 15]",
    )  # fmt: skip


def _written(**values: object) -> str:
    """The text with its comments in one column."""
    lines = (line.partition("  # ") for line in _TEXT.substitute(values).splitlines())
    return "".join(
        f"{text:<40}# {comment}\n" if comment and text.strip() else f"{text}{mark}{comment}\n"
        for text, mark, comment in lines
    )
