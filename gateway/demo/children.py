"""Processes that the play starts and always ends: by their own id, whatever happens.

Each is the leader of a session of its own, so that Ctrl-C reaches the play alone; the play then
ends them.
"""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING, Final, Self

import trio

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

STOP_S: Final = 10.0
"""How long a process may take to end when it is asked to."""


class Children:
    """An async context manager; on the way out, whoever still runs is killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[trio.Process] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with trio.CancelScope(shield=True):
            for process in self._processes:
                if process.returncode is None:
                    process.kill()
                    await process.wait()

    async def start(self, command: list[str], log: str, stdout: Path | None = None) -> trio.Process:
        """Start `command`; what it says on stderr is added to the file `log` in the folder."""
        with (
            (self._folder / log).open("ab") as errors,
            (stdout or self._folder / log).open("ab" if stdout is None else "wb") as output,
        ):
            process = await trio.lowlevel.open_process(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    def last_words(self, log: str) -> str:
        """The last line of a log."""
        lines = (self._folder / log).read_text("utf-8", "replace").splitlines()
        return lines[-1] if lines else "nothing"

    @staticmethod
    async def kill(process: trio.Process) -> None:
        """SIGKILL: no warning, no farewell."""
        process.kill()
        await process.wait()

    @staticmethod
    async def stop(process: trio.Process) -> bool:
        """SIGTERM, and SIGKILL if that is not enough; whether it ended by itself with 0."""
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            with trio.move_on_after(STOP_S):
                await process.wait()
            if process.returncode is None:
                await Children.kill(process)
        return process.returncode == 0
