"""When pending transactions end: at their moment, whatever was added in which order."""

from collections.abc import Iterator
from random import Random

from omg_abci.node.deadlines import Deadlines, has_expired
from omg_abci.protocol.limits import NONCE_AGE_MAX_MS
from omg_abci.protocol.messages import CancelOrder, SignedTx, TxBody
from omg_abci.protocol.terms import make_signed_tx

_T0 = 1_700_000_000_000


class _Pending:
    """The pending transactions, by signer and nonce."""

    def __init__(self) -> None:
        self.txs: dict[tuple[bytes, int], SignedTx] = {}

    def __iter__(self) -> Iterator[SignedTx]:
        return iter(self.txs.values())

    def __len__(self) -> int:
        return len(self.txs)


def _make_tx(nonce: int, until_ms: int = 0, until_height: int = 0, signer: int = 1) -> SignedTx:
    owner = bytes([signer]) * 20
    legs = (CancelOrder(1),)
    body = TxBody(
        "unit", owner, nonce, 0, until_ms, until_height, atomic=False, max_unit_price=1, legs=legs
    )
    return make_signed_tx(bytes(16), bytes(32), owner, 1, body)


def test_each_is_found_at_its_moment() -> None:
    """By time, by height, and by a nonce that is too old; not a moment before."""
    pending, deadlines = _Pending(), Deadlines()
    timed, high = _make_tx(_T0, until_ms=_T0 + 300), _make_tx(_T0 + 1, until_height=7)
    deadlines.add(timed, pending)
    deadlines.add(high, pending)
    assert list(deadlines.pop(6, _T0 + 299)) == []
    assert list(deadlines.pop(6, _T0 + 300)) == [(timed.signer, _T0)]
    assert list(deadlines.pop(7, _T0 + 301)) == [(high.signer, _T0 + 1)]
    assert list(deadlines.pop(7, _T0 + NONCE_AGE_MAX_MS)) == []
    assert list(deadlines.pop(7, _T0 + NONCE_AGE_MAX_MS + 1)) == [(high.signer, _T0 + 1)]


def test_agrees_with_looking_at_all() -> None:
    """Whatever is added while time goes on, what is found is what has expired."""
    chance = Random(7)
    for _ in range(30):
        pending, deadlines = _Pending(), Deadlines()
        time_ms, height = _T0, 1
        for step in range(400):
            signer = chance.randrange(1, 4)
            until_ms = chance.choice((0, time_ms + chance.randrange(1, 3_000)))
            until_height = chance.choice((0, height + chance.randrange(1, 9)))
            tx = _make_tx(_T0 + step, until_ms, until_height, signer)
            pending.txs[tx.signer, tx.body.nonce] = tx
            deadlines.add(tx, pending)
            if chance.random() < 0.3:
                time_ms, height = time_ms + chance.randrange(700), height + 1
                found = dict.fromkeys(deadlines.pop(height, time_ms))
                expired = {
                    key for key, each in pending.txs.items() if has_expired(each, height, time_ms)
                }
                assert expired <= set(found)
                for key in expired:
                    del pending.txs[key]


def test_what_left_otherwise_is_forgotten() -> None:
    """A calendar holds not much more than twice what is pending."""
    pending, deadlines = _Pending(), Deadlines()
    for step in range(20_000):
        deadlines.add(_make_tx(_T0 + step), pending)
    assert len(list(deadlines.pop(1, _T0 + 20_000 + NONCE_AGE_MAX_MS))) <= 2 * 1_024
