"""stackmend: declarative, reproducible restoration of FIB-SEM image stacks.

``stackmend.run``, ``check``, ``plan``, ``show`` and ``trial`` are the verbs as functions; all of
them are in ``stackmend.api``. ``apply`` and ``search`` take arrays that are at hand, and ``steps``
has every step as a function. Nothing is loaded before one of them is used, not even from the
standard library: ``__main__`` must come first.
"""

TYPE_CHECKING = False  # that of typing, without typing
if TYPE_CHECKING:
    from stackmend import steps
    from stackmend.api import check, plan, run, show, trial
    from stackmend.arrays import apply, search

    __version__: str

__all__ = [
    "__version__",
    "apply",
    "check",
    "plan",
    "run",
    "search",
    "show",
    "steps",
    "trial",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("stackmend")
    if name == "steps":
        import stackmend.steps

        return stackmend.steps
    if name in ("apply", "search"):
        from stackmend import arrays

        return getattr(arrays, name)
    if name in __all__:
        from stackmend import api

        return getattr(api, name)
    raise AttributeError(f"module 'stackmend' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
