"""The simulator: state machines in processes, the oracle beside them, one seed behind everything.

Every block is executed by all workers that are up and compared, at every height, with the others
and with what the oracle says. Guarantees that a run depends on its options alone: what is drawn
comes from the seed, and nothing from the clock or from which process answers first.
"""

import asyncio
import traceback
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple

from omg_abci.protocol.errors import OmgError
from omg_abci.simulation.checkout import load_world
from omg_abci.simulation.faults import Fault, FaultSource, Planned
from omg_abci.simulation.link import WORKER, Answer, Link, WorkerLost
from omg_abci.simulation.report import Reached
from omg_abci.simulation.rounds import Decision, Expected, Round, World, list_differences

CHAPTER_BLOCKS: Final = 60
"""A run is told in chapters: each has its own genesis, bounds, and workers that begin anew."""
_RECORDS_EVERY: Final = 15
_KEYS_SHOWN: Final = 8
_SNAPSHOT_LEAD: Final = 2


class Options(NamedTuple):
    """What a run depends on."""

    seed: int
    blocks: int
    validators: int
    faults: bool

    def make_command(self, blocks: int) -> str:
        """Return the command that plays the run again, up to a block."""
        faults = " --faults" if self.faults else ""
        return (
            f"omgd simulate --seed {self.seed} --blocks {blocks}"
            f" --validators {self.validators}{faults}"
        )


class SimulationFailed(OmgError):
    """A run found something: state machines differ, or do what they must not."""

    def __init__(self, kind: str, text: str) -> None:
        """Keep whether it is a `divergence` or a `violation`, and what was found."""
        super().__init__(text)
        self.kind = kind


class Played(NamedTuple):
    """A block of the past, for who has to do it again."""

    decided: Decision
    expected: Expected


Progress = Callable[[Reached], None]


async def simulate(
    options: Options,
    folder: Path,
    reached: Reached,
    on_block: Progress = lambda _: None,
    modules: Sequence[str] = (),
) -> None:
    """Play a run; raise SimulationFailed. `modules` replace the first workers' programs."""
    faults = FaultSource(options.seed, options.validators)
    for chapter in count():
        blocks = min(CHAPTER_BLOCKS, options.blocks - chapter * CHAPTER_BLOCKS)
        if blocks <= 0:
            return
        reached.chapters += 1
        world = load_world(options.seed, chapter)
        programs = [*modules, *[WORKER] * (options.validators - len(modules))]
        links = [
            Link(number, folder / f"{chapter}" / f"worker{number}", module)
            for number, module in enumerate(programs)
        ]
        (folder / f"{chapter}").mkdir()
        run = Chapter(world, links, faults if options.faults else None, reached)
        with world.narrow():
            try:
                await run.play(blocks, on_block)
            except WorkerLost as reason:
                raise SimulationFailed("violations", str(reason)) from reason
            except AssertionError as reason:
                raise SimulationFailed("violations", run.explain_assertion(reason)) from reason
            finally:
                for link in links:
                    await link.kill()
                    link.forget()


class Chapter:
    """One chain from its genesis on."""

    def __init__(
        self, world: World, links: Sequence[Link], faults: FaultSource | None, reached: Reached
    ) -> None:
        """Bind the parts; `play` starts the workers."""
        self._world = world
        self._links = links
        self._faults = faults
        self._reached = reached
        self._past: list[Played] = []
        self._away: dict[int, Planned] = {}
        """Who is down, by number, with the blocks that are left until it comes back."""

    @property
    def height(self) -> int:
        """Return the height that is being played."""
        return len(self._past) + 1

    def explain_assertion(self, reason: AssertionError) -> str:
        """Return which of the oracle's invariants does not hold."""
        place = traceback.extract_tb(reason.__traceback__)[-1]
        where = f"{Path(place.filename).name}, line {place.lineno}"
        return f"height {self.height}: {where}: {place.line} {reason}".rstrip()

    async def play(self, blocks: int, on_block: Progress) -> None:
        """Start the workers and play so many blocks; raise SimulationFailed, WorkerLost."""
        genesis_hash = self._world.app_hash
        for link in self._links:
            await link.start()
            link.send(self._make_open(link, joins=False))
        for link in self._links:
            opened = await link.receive()
            self._require(opened["app_hash"], genesis_hash.hex(), f"{_name(link)}: genesis")
        for _ in range(blocks):
            await self._play_block()
            on_block(self._reached)
        for number in sorted(self._away):
            await self._bring_back(self._links[number], self._away.pop(number).fault)
        for link in self._links:
            await self._check_records(link)
            await link.close()

    async def _play_block(self) -> None:
        fault = self._draw_fault()
        played = self._world.draw()
        rivals = self._faults.draw_rival() if self._faults else [True] * len(self._links)
        links = [link for link in self._links if link.is_up]
        for link in links:
            for command in _make_commands(played, seen=rivals[link.number]):
                link.send(command)
        expected = self._world.settle(played.decided)
        answers: dict[int, Answer] = {}
        for link in links:
            saw = rivals[link.number] and played.rival is not None
            self._reached.faults["rivals"] += saw
            answers[link.number] = await self._receive(link, played, rival=saw)
        await self._compare(answers, expected)
        self._reached.note_block(played, expected)
        self._past.append(Played(played.decided, expected))
        if fault is not None and fault.fault is Fault.CRASH_BEFORE:
            victim = self._links[fault.worker]
            links.remove(victim)
            await self._crash_before(victim)
        await self._commit(links, expected)
        if fault is not None and fault.fault is not Fault.CRASH_BEFORE:
            await self._hit(self._links[fault.worker], fault)
        await self._count_down()

    async def _commit(self, links: Sequence[Link], expected: Expected) -> None:
        """Let workers commit, compare the hashes, and every record now and then."""
        for link in links:
            link.send({"do": "commit"})
        for link in links:
            self._compare_meta(link, await link.receive(), expected)
        if len(self._past) % _RECORDS_EVERY == 0:
            for link in links:
                await self._check_records(link)

    async def _receive(self, link: Link, played: Round, *, rival: bool) -> Answer:
        """Take the answers of a round; return what the decided block did."""
        codes: list[int] = (await link.receive())["codes"]
        for question, code in zip(played.questions, codes, strict=True):
            if code not in (question.codes or (0,)):
                raise SimulationFailed(
                    "violations",
                    f"height {self.height}, {_name(link)}: the pool answers {code} to a"
                    f" transaction ({question.kind}, {question.twin}), the oracle says"
                    f" {list(question.codes) or 0}: {question.raw.hex()}",
                )
        invalid = [await link.receive() for _ in played.invalid]
        for answer in invalid:
            self._require_refusal(link, answer, is_refused=True)
        if link.number == min(each.number for each in self._links if each.is_up):
            self._reached.note_codes(played.questions, codes)
            self._reached.codes.update(answer["code"] for answer in invalid if answer["code"])
        if rival:
            self._require_refusal(link, await link.receive(), is_refused=False)
        return await link.receive()

    # --- comparing ---

    async def _compare(self, answers: Mapping[int, Answer], expected: Expected) -> None:
        """Compare what workers did with each other, then with the oracle."""
        wrong = [number for number, answer in answers.items() if answer != expected.answers]
        if not wrong:
            return
        first = answers[min(answers)]
        differ = any(answer != first for answer in answers.values())
        lines = [f"height {self.height}: " + ("workers differ" if differ else "the oracle differs")]
        for number in wrong:
            lines += await self._explain(self._links[number], answers[number], expected)
        raise SimulationFailed("divergences" if differ else "violations", "\n".join(lines))

    async def _explain(self, link: Link, answer: Answer, expected: Expected) -> list[str]:
        """Return what differs, with both values."""
        lines = [f"{_name(link)}:"]
        for name, wanted in expected.answers.items():
            found = answer.get(name)
            if found != wanted and name != "diff_hash":
                lines.append(f"  {name}: found {found}, expected {wanted}")
        if "refused" in answer:
            return [*lines, f"  refused: {answer['refused']}"]
        diff = (await link.ask({"do": "diff"}))["diff"]
        theirs = [(bytes.fromhex(k), None if v is None else bytes.fromhex(v)) for k, v in diff]
        for key, mine, other in list(list_differences(expected.diff, theirs))[:_KEYS_SHOWN]:
            lines.append(f"  key {key.hex()}: found {other}, expected {mine}")
        return lines

    def _compare_meta(self, link: Link, meta: Answer, expected: Expected) -> None:
        for name, wanted in (("tree_root", expected.tree_root), ("app_hash", expected.app_hash)):
            self._require(meta[name], wanted.hex(), f"{_name(link)}: {name}")

    def _require(self, found: object, expected: object, what: str) -> None:
        if found != expected:
            text = f"height {self.height}, {what}: found {found}, expected {expected}"
            raise SimulationFailed("divergences", text)

    def _require_refusal(self, link: Link, answer: Answer, *, is_refused: bool) -> None:
        """Compare whether a block besides the decided one is refused."""
        if ("refused" in answer) != is_refused:
            kind = "an invalid block" if is_refused else "a valid rival"
            text = f"height {self.height}, {_name(link)}: {kind} is answered {answer}"
            raise SimulationFailed("violations", text)

    async def _check_records(self, link: Link) -> None:
        """Compare every record, on disk and in memory."""
        if not self._past:
            return
        found = await link.ask({"do": "records"})
        wanted = self._past[-1].expected.records_hash.hex()
        for place, value in found.items():
            self._require(value, wanted, f"{_name(link)}: all records {place}")

    # --- faults ---

    def _draw_fault(self) -> Planned | None:
        """Draw a fault; it needs a worker that is up, and others that stay up."""
        if self._faults is None:
            return None
        fault = self._faults.draw_fault()
        if fault is None or fault.worker in self._away:
            return None
        leaves = fault.fault in {Fault.OUTAGE, Fault.RESTORE}
        if leaves and len(self._away) + 1 >= len(self._links):
            return None
        if fault.fault is Fault.RESTORE and self._find_snapshot_height() == 0:
            return None
        return fault

    async def _crash_before(self, link: Link) -> None:
        """Kill a worker that has executed the last block; it starts without it and does it."""
        await link.kill()
        self._reached.faults["before_commit"] += 1
        await self._restart(link, len(self._past) - 1)

    async def _hit(self, link: Link, planned: Planned) -> None:
        """Let happen what was planned, after a commit."""
        match planned.fault:
            case Fault.RESTART:
                await link.close()
                await self._restart(link, len(self._past))
            case Fault.CRASH_AFTER:
                await link.kill()
                self._reached.faults["after_commit"] += 1
                await self._restart(link, len(self._past))
            case _:
                await link.kill()
                self._reached.faults["after_commit"] += 1
                if planned.fault is Fault.RESTORE:
                    link.forget()
                self._away[link.number] = planned._replace(away_blocks=planned.away_blocks + 1)

    async def _count_down(self) -> None:
        """Bring back whose time is over."""
        for number, planned in sorted(self._away.items()):
            self._away[number] = planned._replace(away_blocks=planned.away_blocks - 1)
            if self._away[number].away_blocks == 0:
                del self._away[number]
                await self._bring_back(self._links[number], planned.fault)

    async def _bring_back(self, link: Link, fault: Fault) -> None:
        if fault is Fault.RESTORE:
            await self._restore(link)
        else:
            await self._restart(link, None)

    async def _restart(self, link: Link, height: int | None) -> None:
        """Start a worker on its disk, which must be at the height, and let it catch up."""
        await link.start()
        opened = await link.ask(self._make_open(link, joins=False))
        self._reached.faults["restarts"] += 1
        if height is not None:
            self._require(opened["height"], height, f"{_name(link)}: starts at the height")
        await self._catch_up(link, opened["height"], opened["app_hash"])

    async def _catch_up(self, link: Link, height: int, app_hash: str) -> None:
        """Replay the blocks that a worker misses."""
        if height:
            wanted = self._past[height - 1].expected.app_hash.hex()
            self._require(app_hash, wanted, f"{_name(link)}: starts with the app hash")
        for played in self._past[height:]:
            block = {"do": "execute", "block": played.decided.encode()}
            answer = await link.ask(block)
            await self._compare({link.number: answer}, played.expected)
            self._compare_meta(link, await link.ask({"do": "commit"}), played.expected)
            self._reached.faults["replays"] += 1
        await self._check_records(link)

    def _find_snapshot_height(self) -> int:
        """Return the newest height of which a snapshot is offered, 0 when there is none."""
        interval: int = self._world.genesis["root_interval"]
        height = (len(self._past) - _SNAPSHOT_LEAD) // interval * interval
        return height if height >= 2 * interval else 0

    def _knows(self, link: Link, height: int) -> bool:
        """Tell whether a worker has what a snapshot is made from: the root interval before it."""
        interval: int = self._world.genesis["root_interval"]
        return not link.joined_at or height >= link.joined_at + 2 * interval

    async def _restore(self, link: Link) -> None:
        """Let an empty worker join from another one's snapshot; alone it does all blocks itself."""
        height = self._find_snapshot_height()
        peer = next(
            (each for each in self._links if each.is_up and self._knows(each, height)), None
        )
        if peer is None:
            await self._restart(link, None)
            return
        offered = await peer.ask({"do": "offer", "height": height})
        await link.start()
        await link.ask(self._make_open(link, joins=True))
        app_hash = self._past[height - 1].expected.app_hash.hex()
        await link.ask({"do": "accept", "snapshot": offered["snapshot"], "app_hash": app_hash})
        reached = 0
        for index in range(offered["chunks"]):
            loaded = await peer.ask({"do": "load", "height": height, "index": index})
            applied = await link.ask({"do": "apply", "index": index, "chunk": loaded["chunk"]})
            reached = applied["height"]
        self._require(reached, height, f"{_name(link)}: restored at the height")
        link.joined_at = height
        self._reached.faults["restores"] += 1
        await self._catch_up(link, height, app_hash)

    def _make_open(self, link: Link, *, joins: bool) -> dict[str, Any]:
        return {
            "do": "open",
            "home": str(link.home),
            "chain_id": self._world.chain_id,
            "genesis": dict(self._world.genesis),
            "bounds": dict(self._world.bounds),
            "joins": joins,
        }


def _make_commands(played: Round, *, seen: bool) -> list[dict[str, Any]]:
    """Return what a worker is asked in a round before its commit."""
    raws = [question.raw.hex() for question in played.questions]
    blocks = [*played.invalid]
    if seen and played.rival is not None:
        blocks.append(played.rival)
    blocks.append(played.decided)
    check = {"do": "check", "raws": raws, "time_ms": played.decided.time_ms}
    return [check, *[{"do": "execute", "block": block.encode()} for block in blocks]]


def _name(link: Link) -> str:
    where = link.where
    options = " ".join(("python", *where.options))
    return (
        f"worker {link.number} (PYTHONHASHSEED={where.hash_seed} LC_ALL={where.locale}"
        f" TZ={where.zone} {options})"
    )


def run_simulation(
    options: Options, folder: Path, reached: Reached, on_block: Progress = lambda _: None
) -> None:
    """Play a run to its end; raise SimulationFailed."""
    asyncio.run(simulate(options, folder, reached, on_block))
