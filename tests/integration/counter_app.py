"""The smallest application that a network can run: it chains the hashes of its blocks.

Run as a program with `--home HOME`, it listens where the node's app.toml says and keeps its
height and hash in `app/counter.json`. With BREAK_AT in its environment it ends when that height
is finalised.
"""

import argparse
import hashlib
import json
import os
import sys
import tomllib
from pathlib import Path

from omg_abci.abci import Application, run
from omg_abci.gen.cometbft.abci import types_pb2 as pb


class CounterApp(Application):
    """Answer with sha256(previous hash ‖ height ‖ transactions)."""

    def __init__(self, home: Path) -> None:
        self._file = home / "app" / "counter.json"
        self._height, self._hash = 0, b""
        if self._file.exists():
            height, app_hash = json.loads(self._file.read_text())
            self._height, self._hash = int(height), bytes.fromhex(app_hash)
        self._next = (self._height, self._hash)
        self._pool: list[bytes] = []
        self._gossip: list[bytes] = []

    def info(self, request: pb.RequestInfo) -> pb.ResponseInfo:
        """Return the last commit."""
        del request
        return pb.ResponseInfo(last_block_height=self._height, last_block_app_hash=self._hash)

    def check_tx(self, request: pb.RequestCheckTx) -> pb.ResponseCheckTx:
        """Take a transaction from a user."""
        self._pool.append(request.tx)
        self._gossip.append(request.tx)
        return pb.ResponseCheckTx()

    def insert_tx(self, request: pb.RequestInsertTx) -> pb.ResponseInsertTx:
        """Take a transaction from a peer."""
        self._pool.append(request.tx)
        return pb.ResponseInsertTx()

    def reap_txs(self, request: pb.RequestReapTxs) -> pb.ResponseReapTxs:
        """Hand out what users sent."""
        del request
        txs, self._gossip = self._gossip, []
        return pb.ResponseReapTxs(txs=txs)

    def prepare_proposal(self, request: pb.RequestPrepareProposal) -> pb.ResponsePrepareProposal:
        """Propose the pool."""
        del request
        return pb.ResponsePrepareProposal(txs=self._pool)

    def finalize_block(self, request: pb.RequestFinalizeBlock) -> pb.ResponseFinalizeBlock:
        """Chain the block's height and transactions to the hash."""
        if os.environ.get("BREAK_AT") == str(request.height):
            sys.stderr.write("told to break\n")
            os._exit(3)
        content = self._hash + request.height.to_bytes(8, "big") + b"".join(request.txs)
        self._next = (request.height, hashlib.sha256(content).digest())
        self._pool = [tx for tx in self._pool if tx not in request.txs]
        results = [pb.ExecTxResult() for _ in request.txs]
        return pb.ResponseFinalizeBlock(tx_results=results, app_hash=self._next[1])

    def commit(self, request: pb.RequestCommit) -> pb.ResponseCommit:
        """Keep height and hash."""
        del request
        self._height, self._hash = self._next
        draft = self._file.with_suffix(".draft")
        draft.write_text(json.dumps([self._height, self._hash.hex()]))
        draft.replace(self._file)
        return pb.ResponseCommit()


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    home: Path = parser.parse_args().home
    settings = tomllib.loads((home / "app" / "app.toml").read_text())
    run(CounterApp(home), settings["abci"])


if __name__ == "__main__":
    main()
