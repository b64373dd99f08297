"""The error for a framework that is not installed."""

from etude.values.errors import EtudeError


class FrameworkMissingError(EtudeError, ImportError):
    """A callback of a framework that is not there."""


def missing(framework: str, package: str) -> FrameworkMissingError:
    """What to do where a framework cannot be imported.

    >>> str(missing("Lightning", "lightning"))
    "this callback is for Lightning, which is not installed here. Run: pip install 'lightning'. Nothing was trained."
    """
    return FrameworkMissingError(
        f"this callback is for {framework}, which is not installed here. Run: pip install {package!r}. "
        "Nothing was trained."
    )
