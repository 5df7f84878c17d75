"""The load of an overload, a process of its own: it sends what was signed before, and counts.

Run by scripts/overload.py, which writes one command a line on standard input, as JSON, and reads
one answer a line. Streams and unary callers here obey no hint: they send at their rate, what was
refused at once again, and nothing is queued in this process: what a stream cannot write because
the node does not read is counted as held back. Ids of what was acknowledged go into a file.
"""

import asyncio
import gc
import json
import sys
from collections import Counter, deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import grpc

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.protocol.varint import encode_varint
from scripts.overload_signing import sign_for_all

STREAM_TXS: Final = 250
UNARY_TXS: Final = 50
_UNARY_OPEN_MAX: Final = 64
_METHODS: Final = "/omg.node.v1.Node/"
_OPTIONS: Final = (("grpc.enable_http_proxy", 0),)
_REOPEN_S: Final = 0.2


class Counts:
    """What became of what was sent."""

    def __init__(self, acknowledged: BinaryIO) -> None:
        """Append the ids of what is acknowledged to a file."""
        self.codes: Counter[str] = Counter()
        """Transactions by code, or by status of the call."""
        self.offered = 0
        self.sent = 0
        self.held_back = 0
        """Transactions that could not be sent at their time: the node did not read."""
        self._acknowledged = acknowledged

    def take(self, admissions: Any, count: int, code: int = 0) -> bool:  # noqa: ANN401 - generated
        """Count the answer to a request; tell whether some of it may be sent again."""
        if code:
            self.codes[str(code)] += count
            return True
        codes = Counter([each.code for each in admissions])
        self._acknowledged.write(b"".join([each.tx_id for each in admissions if not each.code]))
        for each, number in codes.items():
            self.codes[str(each)] += number
        return any(each >= 32_000 for each in codes)  # noqa: PLR2004 - refused for now


class Lane:
    """One stream: its own owners, its own requests."""

    def __init__(self, target: str, messages: Sequence[bytes], counts: Counts) -> None:
        """Send to one node."""
        self._target = target
        self._waiting = deque(messages)
        self._done: deque[bytes] = deque()
        """Sent again when nothing else is left, so that the rate is kept."""
        self._counts = counts
        self._open: dict[int, bytes] = {}
        self._number = 0

    async def run(self, interval_s: float, window: int, seconds: float) -> None:
        """Send a request each interval, whatever is answered, with at most `window` open.

        An interval of 0 sends whenever the window has room, until everything was answered: the
        closed loop that finds the peak.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        async with grpc.aio.insecure_channel(self._target, options=_OPTIONS) as channel:
            while loop.time() < end:
                call: Any = channel.stream_stream(f"{_METHODS}SubmitStream")()
                reader = asyncio.create_task(self._read(call))
                writer = asyncio.create_task(self._write(call, interval_s, window, end))
                await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
                if not reader.done():
                    await self._finish(call, reader)
                writer.cancel()
                if not interval_s and not self._waiting and not self._open:
                    return
                if loop.time() < end and self._waiting:
                    status = await call.code()
                    self._counts.codes[f"stream {status.name}"] += 1
                    self._waiting.extendleft(self._open.values())
                    self._open.clear()
                    await asyncio.sleep(_REOPEN_S)

    async def _finish(self, call: Any, reader: "asyncio.Task[None]") -> None:  # noqa: ANN401
        await call.done_writing()
        await asyncio.wait((reader,), timeout=30.0)
        reader.cancel()

    async def _write(self, call: Any, interval_s: float, window: int, end: float) -> None:  # noqa: ANN401
        loop, counts = asyncio.get_running_loop(), self._counts
        due = loop.time()
        while loop.time() < end:
            if not self._waiting and self._done and interval_s:
                self._waiting.append(self._done.popleft())
            if not (interval_s or self._waiting or self._open):
                return
            if not self._waiting or len(self._open) >= window:
                if interval_s:
                    due = self._skip(due + interval_s, interval_s, loop.time())
                await asyncio.sleep(max(0.002, due - loop.time()))
                continue
            data = self._waiting.popleft()
            self._number += 1
            self._open[self._number] = data
            counts.offered += STREAM_TXS
            counts.sent += STREAM_TXS
            try:
                await call.write(data + b"\x10" + encode_varint(self._number))
            except (grpc.RpcError, asyncio.InvalidStateError):
                return
            if interval_s:
                due = self._skip(due + interval_s, interval_s, loop.time())
                await asyncio.sleep(max(0.0, due - loop.time()))

    def _skip(self, due: float, interval_s: float, now: float) -> float:
        """Return when the next request is due; count those whose time has passed meanwhile."""
        while due < now - interval_s:
            due += interval_s
            self._counts.offered += STREAM_TXS
            self._counts.held_back += STREAM_TXS
        return due

    async def _read(self, call: Any) -> None:  # noqa: ANN401 - grpc's calls share no public base
        try:
            while (data := await call.read()) is not grpc.aio.EOF:
                for answer in pb.SubmitStreamResponse.FromString(data).answers:
                    message = self._open.pop(answer.request)
                    again = self._counts.take(answer.admissions, STREAM_TXS, answer.code)
                    (self._waiting if again else self._done).append(message)
        except grpc.RpcError:
            return


async def call_unary(
    target: str, messages: Sequence[bytes], rate: float, seconds: float, counts: Counts
) -> None:
    """Submit by unary calls, a bundle each time, open loop as far as so many calls go."""
    loop = asyncio.get_running_loop()
    waiting, end = deque(messages), loop.time() + seconds
    tasks: dict[asyncio.Task[None], None] = {}
    async with grpc.aio.insecure_channel(target, options=_OPTIONS) as channel:
        method: Any = channel.unary_unary(f"{_METHODS}Submit")

        async def call(data: bytes) -> None:
            try:
                response = pb.SubmitResponse.FromString(await method(data, timeout=30.0))
            except grpc.aio.AioRpcError as reason:
                counts.codes[f"call {reason.code().name}"] += UNARY_TXS
                waiting.append(data)
                return
            if counts.take(response.admissions, UNARY_TXS):
                waiting.append(data)

        due = loop.time()
        while loop.time() < end:
            due += UNARY_TXS / rate
            counts.offered += UNARY_TXS
            if waiting and len(tasks) < _UNARY_OPEN_MAX:
                counts.sent += UNARY_TXS
                task = asyncio.create_task(call(waiting.popleft()))
                tasks[task] = None
                task.add_done_callback(tasks.pop)
            else:
                counts.held_back += UNARY_TXS
            await asyncio.sleep(max(0.0, due - loop.time()))
        await asyncio.gather(*tasks)


class Load:
    """All of it."""

    def __init__(self, settings: dict[str, Any]) -> None:
        """Take who sends where."""
        self._targets: list[str] = settings["targets"]
        self._groups: list[list[int]] = settings["groups"]
        self._unary_owners: list[int] = settings["unary_owners"]
        self._seed: int = settings["seed"]
        file = Path(settings["acknowledged"])
        self._file = file.open("ab", buffering=1 << 20)
        self._streams: list[list[bytes]] = []
        self._unary: list[bytes] = []

    def sign(self, txs: int, unary_txs: int) -> dict[str, int]:
        """Sign so many transactions, in place of those before."""
        each = -(-txs // (STREAM_TXS * len(self._groups)))
        self._streams = sign_for_all(self._groups, each, STREAM_TXS, self._seed)
        unary = -(-unary_txs // UNARY_TXS)
        self._unary = sign_for_all([self._unary_owners], unary, UNARY_TXS, self._seed)[0]
        gc.collect()
        gc.freeze()
        return {"txs": each * STREAM_TXS * len(self._groups) + unary * UNARY_TXS}

    async def find_peak(self, seconds: float, window: int) -> dict[str, Any]:
        """Keep a few requests of each stream open: as much as the node takes, and no more."""
        counts = Counts(self._file)
        await asyncio.gather(*(lane.run(0.0, window, seconds) for lane in self._make(counts)))
        return self._report(counts)

    async def flood(self, seconds: float, rate: float, unary_rate: float) -> dict[str, Any]:
        """Offer so many transactions a second, whatever becomes of them."""
        counts, unary = Counts(self._file), Counts(self._file)
        lanes = self._make(counts)
        interval_s = STREAM_TXS * len(lanes) / rate
        work = [lane.run(interval_s, 1_000_000, seconds) for lane in lanes]
        work.append(call_unary(self._targets[0], self._unary, unary_rate, seconds, unary))
        await asyncio.gather(*work)
        return {"streams": self._report(counts), "unary": self._report(unary)}

    def _make(self, counts: Counts) -> list[Lane]:
        targets = self._targets
        return [
            Lane(targets[place % len(targets)], messages, counts)
            for place, messages in enumerate(self._streams)
        ]

    def _report(self, counts: Counts) -> dict[str, Any]:
        self._file.flush()
        return {
            "offered": counts.offered,
            "sent": counts.sent,
            "held_back": counts.held_back,
            "codes": dict(counts.codes),
        }


def main() -> None:
    """Answer commands until there are no more."""
    load = Load(json.loads(sys.stdin.readline()))
    for line in sys.stdin:
        command = json.loads(line)
        what = command.pop("do")
        answer = load.sign(**command) if what == "sign" else None
        if answer is None:
            answer = asyncio.run(getattr(load, what)(**command))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
