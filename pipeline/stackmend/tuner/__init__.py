"""The page on which parameters are seen before a stack is run, and its server on this machine.

Each page that is opened has a ``Session``: a document, what it looks at, and what is computed for
it; all share one ``preview.Preview``. A ``Server`` answers what the guard of ``access.py`` lets
through: the page's files, pictures (``requests.py``), and messages (``live.py``, ``messages.py``).
"""

from __future__ import annotations

from importlib.util import find_spec

from stackmend.errors import UsageError

EXTRA = "pip install 'stackmend[tune]'"
_NEEDED = ("starlette", "uvicorn", "websockets")


def require_packages() -> None:
    """See that the packages are there that serve the page.

    Raises
    ------
    UsageError
        With the command that installs them, if they are not.
    """
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        more = "one more package" if len(missing) == 1 else "more packages"
        raise UsageError(f"tune: needs {more}, {', '.join(missing)}; run: {EXTRA}")
