"""What a bundle is: a zip of a protocol, what it needs, and a test that it passes; data only.

``archive`` reads and writes the zip itself. Nothing in a bundle is ever run, imported or unpickled,
and nothing is unpacked before all of it was looked at.
"""

from __future__ import annotations

from stackmend.bundles.archive import is_bundle, open_archive, write_archive
from stackmend.bundles.content import Bundle, TestRun, read_bundle

__all__ = ["Bundle", "TestRun", "is_bundle", "open_archive", "read_bundle", "write_archive"]
