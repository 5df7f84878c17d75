"""Export and import of genesis: a state goes on in another chain, and nothing else gets in."""

import asyncio
import copy
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from omg_abci.gen.cometbft.abci import types_pb2 as pb
from omg_abci.localnet.genesis import make_accounts, make_document
from omg_abci.node.genesis_export import export_genesis
from omg_abci.node.genesis_import import build_first_records, read_first_height
from omg_abci.node.proof_history import Head, HeaderOutOfRange
from omg_abci.node.reader import Reader
from omg_abci.node.storage import Storage, StorageMissing
from omg_abci.protocol.crypto import compute_keccak
from omg_abci.protocol.errors import GenesisError
from omg_abci.protocol.signing import compute_no_bridge_domain
from omg_abci.protocol.units import Side
from omg_abci.state import schema
from omg_abci.state.hashes import compute_app_hash
from omg_abci.state.records import BlockRecord
from tests.integration.traders import Trader, make_order
from tests.node.app_world import AppNode
from tests.strategies import START_MS

OLD_ID, NEW_ID = "omg-old-1", "omg-new-1"
ACCOUNTS = make_accounts(b"tests/node/test_genesis_import")
GENESIS = {"consensus_params": {"evidence": {}}, "validators": [{"power": "10"}]}
ROOT_INTERVAL = 4
Change = Callable[[dict[str, Any]], object]


async def begin(node: AppNode, chain_id: str, document: Any, initial_height: int = 1) -> bytes:  # noqa: ANN401 - JSON
    """Begin a chain; return genesis' app hash."""
    request = pb.RequestInitChain(chain_id=chain_id, initial_height=initial_height)
    request.app_state_bytes = json.dumps(document).encode()
    request.consensus_params.validator.pub_key_types.append("secp256k1eth")
    return (await node.app.init_chain(request)).app_hash


async def trade(node: AppNode, chain_id: str, blocks: int, first_id: int) -> list[bytes]:
    """Decide blocks in which two accounts trade; return their app hashes."""
    traders = [Trader(account, chain_id) for account in ACCOUNTS[:2]]
    for trader in traders:
        # An exported chain keeps the contract for which its transactions are signed.
        trader._domain = compute_no_bridge_domain(OLD_ID)._replace(chain_id=chain_id)
    hashes = []
    for number in range(blocks):
        raws = []
        for trader, side in zip(traders, (Side.BUY, Side.SELL), strict=True):
            price = 99 + 2 * (side - 1) - (number % 3 == 0) * (side - 1) * 3
            order = make_order(side, price, 3 + number % 4, first_id + number)
            raws.append(trader.sign(order, nonce=node.time_ms + number))
        assert await node.check(*raws) == [0, 0]
        raws = node.prepare()
        assert len(raws) == 2
        hashes.append(await node.decide(raws))
    return hashes


def read_state(node: AppNode) -> dict[bytes, bytes]:
    """Return the records on disk."""
    return dict(node.chain.storage.iterate_records())


def play(test: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the test returns
    """Run a coroutine."""
    return asyncio.run(test())


def export(storage: Storage, chain_id: str | None = NEW_ID) -> str:
    """Return the genesis file of a state."""
    return "".join(export_genesis(storage, GENESIS, chain_id))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[bytes, bytes]]:
    """Return a genesis file, exported at height 6, and the records it was made of."""
    folder = tmp_path_factory.mktemp("old")

    async def make() -> tuple[str, dict[bytes, bytes]]:
        node = AppNode(folder)
        await node.start()
        await begin(node, OLD_ID, make_document(ACCOUNTS, START_MS))
        await trade(node, OLD_ID, 6, 1)
        text, records = export(node.chain.storage), read_state(node)
        assert export(node.chain.storage) == text
        await node.stop()
        return text, records

    result: tuple[str, dict[bytes, bytes]] = play(make)
    return result


def test_every_record_goes_on(exported: tuple[str, dict[bytes, bytes]], tmp_path: Path) -> None:
    """All records are kept but height and hash of the block record; a second export is the same."""
    text, before = exported
    genesis = json.loads(text)
    assert (genesis["chain_id"], genesis["initial_height"]) == (NEW_ID, "9")
    assert genesis["validators"] == GENESIS["validators"]
    assert genesis["genesis_time"].endswith("Z")

    async def check() -> None:
        node = AppNode(tmp_path)
        await node.start()
        await begin(node, NEW_ID, genesis["app_state"], 9)
        after = read_state(node)
        old, new = (BlockRecord.decode(records[schema.BLOCK]) for records in (before, after))
        assert new == old._replace(height=8, block_hash=compute_keccak(NEW_ID.encode()))
        assert {**after, schema.BLOCK: b""} == {**before, schema.BLOCK: b""}
        again = json.loads(export(node.chain.storage, None))
        assert again["app_state"] == genesis["app_state"]
        assert (await node.app.query(pb.RequestQuery(path="/p2p/filter/addr/x"))).code == 0
        assert node.app.info(pb.RequestInfo()).last_block_height == 0
        await node.stop()

    play(check)


def test_proofs_begin_with_the_first_block(exported: tuple[str, dict[bytes, bytes]]) -> None:
    """Headers of the first blocks are proved from genesis' state; none before is known."""
    records, domain = build_first_records(NEW_ID, json.loads(exported[0])["app_state"])
    reader = Reader.load_genesis(domain, records)
    history = reader.history
    begin = history.get_head(8)
    assert (history.oldest, history.newest) == (9, 8)
    block = BlockRecord.decode(dict(records)[schema.BLOCK])
    for height in range(9, 18):
        diff = [(schema.BLOCK, block._replace(height=height).encode())]
        root = history.get_roots()[-1][1] if height % ROOT_INTERVAL == 0 else begin.tree_root
        begin = Head(compute_app_hash(root, bytes(32)), bytes(32), root)
        fold = reader.apply_block(height, begin, diff)
        if fold is not None:
            history.add_fold(fold.state_height, history.fold(fold))
        assert (history.oldest, history.newest) == (9, height)
    for header in range(9, 18):
        proven = history.prove(schema.BLOCK, header)
        assert proven.state_height == (8 if header < 17 else 12)
        assert BlockRecord.decode(proven.value or b"").height == proven.state_height
    for header in (1, 5, 8, 18):
        with pytest.raises(HeaderOutOfRange):
            history.prove(schema.BLOCK, header)


def test_chain_goes_on_and_restarts(
    exported: tuple[str, dict[bytes, bytes]], tmp_path: Path
) -> None:
    """The new chain trades on from its first height; a restart at each height changes nothing."""
    genesis = json.loads(exported[0])

    async def run_through(folder: Path, blocks: int) -> list[bytes]:
        node = AppNode(folder)
        await node.start()
        hashes = [await begin(node, NEW_ID, genesis["app_state"], 9)]
        node.time_ms = START_MS + 100_000
        hashes += await trade(node, NEW_ID, blocks, 100)
        assert node.height == 8 + blocks
        await node.stop()
        return hashes

    async def restart_at(folder: Path, blocks: int, expected: list[bytes]) -> None:
        begun = await run_through(folder, blocks)
        assert begun == expected[: blocks + 1]
        node = AppNode(folder, processes=True)
        await node.start()
        await asyncio.wait_for(node.reader.ready.wait(), 30)
        assert node.app.info(pb.RequestInfo()).last_block_app_hash == begun[-1]
        hashes = [await node.decide([]) for _ in range(9)]
        assert len(set(hashes)) == 9
        await node.stop()
        assert node.fatal == []

    expected = play(lambda: run_through(tmp_path / "whole", 13))
    for blocks in (1, ROOT_INTERVAL, ROOT_INTERVAL + 1, 2 * ROOT_INTERVAL):
        play(partial(restart_at, tmp_path / str(blocks), blocks, expected))


def _change_block(document: dict[str, Any], **fields: Any) -> None:  # noqa: ANN401 - a record's
    block = BlockRecord.decode(bytes.fromhex(document["records"][0][1]))
    document["records"][0][1] = block._replace(**fields).encode().hex()


def _move_height(document: dict[str, Any]) -> None:
    document["height"] = 9
    _change_block(document, height=9)


def _swap(document: dict[str, Any]) -> None:
    records = document["records"]
    records[3], records[4] = records[4], records[3]


def _set(place: int, part: int, value: object) -> Change:
    def change(document: dict[str, Any]) -> None:
        document["records"][place][part] = value

    return change


def _empty_balance(document: dict[str, Any]) -> None:
    """Say of a balance that there is nothing."""
    for entry in document["records"]:
        if entry[0].startswith(schema.BALANCE.hex()):
            entry[1] = "00" * (len(entry[1]) // 2)
            return


def _orphan(document: dict[str, Any]) -> None:
    """Leave out an account whose order is there."""
    orders = [each for each in document["records"] if each[0].startswith(schema.ORDER.hex())]
    owner = orders[0][0][2:42]
    account = schema.ACCOUNT.hex() + owner
    document["records"] = [each for each in document["records"] if each[0] != account]


BAD: dict[str, tuple[Change, str]] = {
    "unknown field": (lambda d: d.update(extra=1), "extra"),
    "missing field": (lambda d: d.pop("height"), "height"),
    "format": (lambda d: d.update(format="omg-export-2"), "format"),
    "height is text": (lambda d: d.update(height="8"), "height"),
    "height is a flag": (lambda d: d.update(height=True), "height"),
    "height is another": (lambda d: d.update(height=12), "height"),
    "height below 1": (lambda d: d.update(height=0), "height"),
    "height no multiple": (_move_height, "root interval"),
    "chain number": (lambda d: d.update(ethereum_chain_id=0), "ethereum_chain_id"),
    "contract": (lambda d: d.update(verifying_contract="0x12"), "verifying_contract"),
    "zero contract": (lambda d: d.update(verifying_contract="0x" + "0" * 40), "verifying_contract"),
    "records no list": (lambda d: d.update(records={}), "records"),
    "no records": (lambda d: d.update(records=[]), "block record"),
    "no block record": (lambda d: d["records"].pop(0), "block record"),
    "block record cut": (_set(0, 1, "00"), "block record"),
    "other block hash": (lambda d: _change_block(d, block_hash=bytes(32)), "chain id"),
    "root interval 0": (lambda d: _change_block(d, root_interval=0), "root interval"),
    "no pair": (lambda d: d["records"].append(["aa"]), "pair"),
    "no list": (lambda d: d["records"].append("aa"), "pair"),
    "odd hex": (_set(2, 1, "abc"), "hex"),
    "upper-case hex": (_set(2, 1, "AB"), "hex"),
    "no hex": (_set(2, 0, "zz"), "hex"),
    "hex is a number": (_set(2, 0, 5), "hex"),
    "empty key": (_set(1, 0, ""), "empty"),
    "empty value": (_set(1, 1, ""), "empty"),
    "long key": (lambda d: d["records"].append(["ff" * 65, "00"]), "too long"),
    "long value": (lambda d: d["records"].append(["ff", "00" * 4097]), "too long"),
    "order of keys": (_swap, "ascend"),
    "key twice": (lambda d: d["records"].insert(3, d["records"][2]), "ascend"),
    "unknown table": (lambda d: d["records"].append(["ee01", "00"]), "unknown table"),
    "cut record": (_set(1, 1, "00"), "records"),
    "empty balance": (_empty_balance, "says nothing"),
    "order without account": (_orphan, "records"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_export(exported: tuple[str, dict[bytes, bytes]], name: str) -> None:
    """Each thing that is wrong is refused by its name."""
    change, field = BAD[name]
    document = copy.deepcopy(json.loads(exported[0])["app_state"])
    change(document)
    with pytest.raises(GenesisError, match=field):
        build_first_records(NEW_ID, document)


def test_other_chain_id(exported: tuple[str, dict[bytes, bytes]]) -> None:
    """An export is for one chain id, which is 1 to 16 bytes long."""
    document = json.loads(exported[0])["app_state"]
    for chain_id, field in ((OLD_ID, "chain id"), ("x" * 17, "16 bytes"), ("", "empty")):
        with pytest.raises(GenesisError, match=field):
            build_first_records(chain_id, document)


def test_initial_height(exported: tuple[str, dict[bytes, bytes]], tmp_path: Path) -> None:
    """Genesis must begin at the height after the state's."""
    document = json.loads(exported[0])["app_state"]
    assert read_first_height(document) == 8

    async def check() -> None:
        node = AppNode(tmp_path)
        await node.start()
        for height in (1, 8, 10):
            with pytest.raises(GenesisError, match="initial_height"):
                await begin(node, NEW_ID, document, height)
        plain = make_document(ACCOUNTS, START_MS)
        with pytest.raises(GenesisError, match="initial_height"):
            await begin(node, NEW_ID, plain, 9)
        await node.stop()

    play(check)


def test_nothing_to_export(tmp_path: Path) -> None:
    """A database without a block, and a chain id that cannot be, give no genesis."""
    storage = Storage.open(tmp_path)
    with pytest.raises(StorageMissing):
        export(storage)
    storage.close()
