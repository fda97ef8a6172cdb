"""How a process of ours ends: exit codes, and a failure that has one of its own."""

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_CONFIGURATION = 2


class WorkersFailed(Exception):
    """No worker could be started; `code` is what they ended with."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the workers ended with {code}")
        self.code = code
