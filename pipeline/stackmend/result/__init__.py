"""What a result folder is: its names, how it is filled and published, and how it is read.

::

    results/cell3/
      run.json            the record: all that explains and repeats the run
      protocol.yaml       the protocol, byte for byte
      effective.yaml      the same with all that the command line gave in it
      slices.csv          a row for every slice
      losses.csv          a row for every combination of a search on every slice
      fingerprints.json   what tells restored slices from nearly equal ones; the hash of every file
      stack/              the restored stack, or stack.tif, stack.zarr
      masks/              what steps mark, where that is kept, or masks.tif, stack.zarr/labels/masks
      truth/              the known truth of a synthetic stack, in the same format
      report.html         the page for people
      losses.webp         the animation through a search
      previews/           the pictures of the page, and previews.json, which says what is in them
      log.jsonl           every event of the run
      log.txt             the same for people
      journal.jsonl       what a later run need not compute again
      .stackmend/         only while a run is at work, or was stopped:
        lock              who is at work
        journal/          what is finished so far, a file for each process
        partial/          all of the above in the making
        complete/         the same, complete, on its way up
        previous/         the earlier result, on its way out

``names`` has these names, ``workspace`` fills and publishes the folder (with ``locks`` and
``journal``), ``record`` and ``rows`` say what stands in the files, and ``open_result`` reads them.
"""

from __future__ import annotations

from stackmend.result.contents import Progress, Result, notebook_page, same_command
from stackmend.result.reading import (
    altered_parts,
    open_result,
    origin_of,
    packages_beside,
    published_ledger,
    read_record,
)
from stackmend.result.record import Record

__all__ = [
    "Progress",
    "Record",
    "Result",
    "altered_parts",
    "notebook_page",
    "open_result",
    "origin_of",
    "packages_beside",
    "published_ledger",
    "read_record",
    "same_command",
]
