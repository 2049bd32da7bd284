"""The errors of ours. Each says what was expected, what came and what to do, and is a `ValueError`."""


class VaejaxError(ValueError):
    """Something that vaejax was given cannot be used; the command line prints it and exits with 2."""


class DataError(VaejaxError):
    """Data that cannot be read, or that the likelihood is no distribution on."""


class NetworkError(VaejaxError):
    """A network whose output does not have the shape that the model needs."""


class OutputError(VaejaxError):
    """A place where results cannot be written."""


class Stopped(Exception):  # noqa: N818  (it is no error)
    """A run was asked to stop, and where it was is saved."""


class VaejaxWarning(UserWarning):
    """Something that a user should know; the command line prints it as one line."""
