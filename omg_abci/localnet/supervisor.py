"""Run a local network: a pair of processes for each validator, watched and restarted together.

CometBFT cannot be given a new application while it runs, so when one of a pair ends, the other is
stopped and both start again, after a delay that grows while they keep ending soon. Guarantees:
one supervisor a network; when `stop` returns, or the supervisor's process ends in whatever way,
none of the network's processes is left.
"""

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self, TextIO

from omg_abci.localnet.blocks import BlockSummary, follow_blocks
from omg_abci.localnet.errors import LocalnetError, NetworkFailed, StartFailed
from omg_abci.localnet.layout import Network, Node, lock_network, prepare_network, release_network
from omg_abci.localnet.pair import Pair, Which
from omg_abci.localnet.rpc import Rpc

AppCommand = Callable[[Node], Sequence[str | Path]]
_TICK_SECONDS: Final = 0.03
_START_SECONDS: Final = 120.0
_STOP_SECONDS: Final = 10.0


def make_app_command(node: Node) -> Sequence[str | Path]:
    """Return the command of the chain's own application."""
    return [sys.executable, "-m", "omg_abci.node", "start", "--home", node.home]


class LocalNetwork:
    """A local network that runs; usable as a context manager, which starts and stops it.

    Args:
        network: from `write_network` or `load_network`. `self.network` is what it has become: a
            port that was taken in the meantime has been replaced.
        cometbft: the binary, see `cometbft.ensure_cometbft`.
        app_command: makes the command of a node's application.
        on_event: is told of every end and restart, in one line, from another thread.

    `environment[index]` holds variables for both processes of a validator, and may be changed; the
    next start of the pair sees it.
    """

    def __init__(
        self,
        network: Network,
        cometbft: Path,
        *,
        app_command: AppCommand = make_app_command,
        on_event: Callable[[str], None] | None = None,
    ) -> None:
        self.network = network
        self.environment: list[dict[str, str]] = [{} for _ in network.nodes]
        self._cometbft = cometbft
        self._app_command = app_command
        self._on_event = on_event or (lambda _line: None)
        self._pairs: list[Pair] = []
        self._lock: TextIO | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._broken: OSError | None = None

    def start(self, timeout_seconds: float = _START_SECONDS) -> None:
        """Start every pair and return when each node has seen a new block.

        Raises:
            NetworkRunning: another supervisor has the network.
            StartFailed: a process ended, or time is up; the text holds the log's last lines.
        """
        self._lock = lock_network(self.network.directory)
        self._stopping.clear()
        try:
            self.network = prepare_network(self.network)
            self._pairs = [
                Pair(
                    node,
                    self._app_command(node),
                    [self._cometbft, "node", "--home", node.home],
                    self.environment[node.index],
                    self._on_event,
                )
                for node in self.network.nodes
            ]
            self._thread = threading.Thread(target=self._run, name="localnet", daemon=True)
            self._thread.start()
            self._wait_until_ready(time.monotonic() + timeout_seconds)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the nodes, then the applications; what does not end in time is killed."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._lock is not None:
            release_network(self.network)
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def restarts(self) -> list[int]:
        """Return how often each pair was started again."""
        return [pair.restarts for pair in self._pairs]

    @property
    def has_failed(self) -> bool:
        """Tell whether `check` would raise."""
        return self._broken is not None or any(pair.given_up for pair in self._pairs)

    def check(self) -> None:
        """Raise NetworkFailed when a pair was given up, or nothing watches the pairs any more."""
        if self._broken is not None:
            raise NetworkFailed(f"processes cannot be started: {self._broken}")
        for pair in self._pairs:
            if pair.given_up:
                raise NetworkFailed(pair.describe_end())

    def kill(
        self, index: int, which: Which | Literal["both"], number: signal.Signals = signal.SIGKILL
    ) -> None:
        """Send a signal to one or both processes of a validator; a missing one is left out."""
        for process in self._pairs[index].find_processes(which):
            process.send_signal(number)

    def pause(self, index: int, which: Which | Literal["both"] = "both") -> None:
        """Stop one or both processes of a validator where they are."""
        self.kill(index, which, signal.SIGSTOP)

    def resume(self, index: int, which: Which | Literal["both"] = "both") -> None:
        """Let paused processes go on."""
        self.kill(index, which, signal.SIGCONT)

    def follow_blocks(
        self, *, first: int | None = None, stopped: threading.Event | None = None
    ) -> Iterator[BlockSummary]:
        """Yield a summary of each block; see `blocks.follow_blocks`."""
        return follow_blocks(self.network, first=first, stopped=stopped)

    def wait_for_height(self, height: int, timeout_seconds: float = 60.0) -> None:
        """Return when every node has that height. Raises StartFailed, NetworkFailed."""
        self._wait(lambda heights: min(heights) >= height, time.monotonic() + timeout_seconds)

    def _wait_until_ready(self, deadline: float) -> None:
        first: list[int] = []

        def have_moved(heights: list[int]) -> bool:
            if not first and min(heights) >= 0:
                first.extend(heights)
            return bool(first) and all(now > then for now, then in zip(heights, first, strict=True))

        self._wait(have_moved, deadline, starting=True)

    def _wait(
        self, is_met: Callable[[list[int]], bool], deadline: float, *, starting: bool = False
    ) -> None:
        """Poll the nodes' heights, −1 for one that does not answer, until they are as wanted."""
        clients = [Rpc(node.ports.rpc) for node in self.network.nodes]
        try:
            while True:
                heights = [_fetch_height(client) for client in clients]
                if is_met(heights):
                    return
                self.check()
                ended = next((pair for pair in self._pairs if pair.ends), None)
                if starting and ended is not None:
                    raise StartFailed(ended.describe_end())
                if time.monotonic() > deadline:
                    raise StartFailed(f"no new block in time; the nodes' heights are {heights}")
                time.sleep(_TICK_SECONDS)
        finally:
            for client in clients:
                client.close()

    def _run(self) -> None:
        """Watch the pairs, then end them. All children are started by this one thread."""
        try:
            while not self._stopping.is_set():
                for pair in self._pairs:
                    pair.step()
                self._stopping.wait(_TICK_SECONDS)
        except OSError as reason:
            self._broken = reason
        for which in ("node", "app"):
            _end_all(self._pairs, which)


def _end_all(pairs: Sequence[Pair], which: Which) -> None:
    processes = [process for pair in pairs for process in pair.find_processes(which)]
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + _STOP_SECONDS
    while not all(process.has_ended() for process in processes):
        if time.monotonic() > deadline:
            for process in processes:
                process.send_signal(signal.SIGKILL)
        time.sleep(_TICK_SECONDS)


def _fetch_height(client: Rpc) -> int:
    """Return the application's height: CometBFT's own grows before the block is executed."""
    with contextlib.suppress(LocalnetError):
        return client.fetch_app_state().height
    return -1
