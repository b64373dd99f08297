"""Every error a user can cause, as one tree.

EtudeError
├── RecipeError            a recipe or study says something that cannot be meant
├── DataError              the rows to learn from cannot be used
├── LogError               another tool's log cannot be read
├── CurveError             the numbers of a curve are unusable
├── NotEnoughDataError     the numbers are fine, there are too few of them
├── ComparisonError        the comparison asked for would mislead
│   ├── NotComparableError     the two sides are not in one unit
│   └── ConfoundedError        more than one factor differs between the two sides
├── EngineError            this machine or this model cannot train what was asked
├── StoreError             the file that keeps the runs cannot be used
│   ├── StoreBusyError         another process owns it
│   ├── StoreVersionError      a newer étude wrote it
│   └── StoreDamagedError      what is read is not what was written
├── ReportError            a page cannot be written where it should go
└── InterruptedStudy       stopped by the user; everything finished is kept
"""


class EtudeError(Exception):
    """Something the user can fix; its message says what, why, how, and what state things are in."""

    exit_code = 2


class RecipeError(EtudeError, ValueError):
    """A recipe or study with a field that is missing, unknown, out of range or contradictory."""


class DataError(EtudeError, ValueError):
    """Rows that cannot be learned from as they are; the message names file, line and column."""

    exit_code = 3


class LogError(EtudeError, ValueError):
    """A log of another tool that cannot be read; the message names the file and, of a text, the line."""

    exit_code = 3


class CurveError(EtudeError, ValueError):
    """A curve whose numbers are unusable."""

    exit_code = 3


class NotEnoughDataError(EtudeError, ValueError):
    """A sound question asked of too few observations."""


class ComparisonError(EtudeError, ValueError):
    """A comparison that would mislead; the message offers the one that would not."""


class NotComparableError(ComparisonError):
    """Two quantities whose unit, reduction, penalty or target scale differ."""


class ConfoundedError(ComparisonError):
    """Two arms that differ in more than the factor whose effect is asked for."""


class EngineError(EtudeError, RuntimeError):
    """A model, loss or device that cannot train the recipe."""


class StoreError(EtudeError, RuntimeError):
    """A store that cannot be opened, read or written."""

    exit_code = 3


class StoreBusyError(StoreError):
    """A store that another process is writing."""

    exit_code = 2


class StoreVersionError(StoreError):
    """A store in a layout newer than this étude knows."""


class StoreDamagedError(StoreError):
    """A stored value whose checksum does not match."""


class ReportError(EtudeError, OSError):
    """A page that cannot be written; the runs behind it are kept."""


class InterruptedStudy(EtudeError, RuntimeError):  # noqa: N818 - not a failure: it says how to go on
    """A study stopped before its end; what finished is kept and the same command goes on."""

    exit_code = 4
