"""Everything devstack can tell a developer instead of a traceback."""


class DevstackError(Exception):
    """Something a developer can act on; the message is printed as it is and the command exits with 1."""


class AlreadyRunning(DevstackError):
    """The same stack is up in this checkout."""


class PortTaken(DevstackError):
    """A port that was asked for by name is in use."""


class ServerFailed(DevstackError):
    """An embedded server did not start, or a process of the stack did not answer."""
