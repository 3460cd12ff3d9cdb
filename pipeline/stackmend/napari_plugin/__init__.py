"""stackmend in napari: results and protocols open as layers, and protocols are tuned beside them.

``napari.yaml`` says what there is; napari and Qt are imported where they are needed only.
"""
