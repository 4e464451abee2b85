"""The one exception tree: each message says what happened and what to do, in one sentence."""


class StudyError(Exception):
    """An expected failure, shown to the user as its message without a traceback."""

    exit_code = 1


class UsageError(StudyError):
    """The command line asks for something that cannot be understood or chosen."""

    exit_code = 2


class SetupError(StudyError):
    """Something the machine or the settings lack; `study doctor` names it."""

    exit_code = 3


class WorkspaceError(StudyError):
    """A file of the workspace is missing, malformed or outside it; the message names file and line."""


class BusyError(StudyError):
    """Another process holds the workspace or the thread."""

    exit_code = 3


class ConflictError(StudyError):
    """The world changed since a decision was prepared; it has to be asked again."""


class GateError(StudyError):
    """Evidence that a level needs is missing or does not hold."""


class ModelError(StudyError):
    """A model or its endpoint failed; callers fall back to what works without it."""

    exit_code = 3
