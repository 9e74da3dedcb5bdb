"""Stoplight Prism as a child process: it answers from the spec's examples and refuses what the spec does not allow."""

import subprocess
import threading
from pathlib import Path
from queue import Empty, Queue


class Prism:
    """A running `prism mock --errors`.

    Args:
        node: the path of Node.
        program: Prism's own file.
        spec: the description that it answers from.

    Attributes:
        url: where it listens.
        log: what it has printed so far, line by line.
    """

    def __init__(self, node: str, program: Path, spec: Path) -> None:
        command = [node, str(program), "mock", "--errors", "-p", "0", str(spec)]
        self.log: list[str] = []
        self.url = ""
        self._addresses: Queue[str] = Queue()
        self._process = subprocess.Popen(command, stdout=-1, stderr=-2, text=True, encoding="utf-8")  # noqa: S603
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def wait(self, seconds: float) -> None:
        """Return when it listens; raise with its log if it does not within this time."""
        try:
            self.url = self._addresses.get(timeout=seconds)
        except Empty:
            self.url = ""
        if not self.url:
            self.stop()
            raise RuntimeError("Prism does not listen; its log:\n" + "\n".join(self.log))

    def stop(self) -> None:
        """End the process and wait for it."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                self.log.append(line.rstrip())
                _, found, address = line.partition("Prism is listening on ")
                if found:
                    self._addresses.put(address.strip())
        self._addresses.put("")  # it ended
