"""Good messages about stake, and every change that makes one of them bad."""

from coincurve import PublicKey

from omg_abci.protocol import errors
from omg_abci.protocol.messages import (
    ClaimRewards,
    CreateValidator,
    Delegate,
    EditValidator,
    Redelegate,
    SetVote,
    Undelegate,
)
from tests.cast import PUBLIC_KEYS
from tests.unit.message_cases import TO, bad

FOUND = CreateValidator(PUBLIC_KEYS[0], "name", 5, 6, 1, 8, 9)
EDIT = EditValidator("name", 5, 8)
BOND, UNBOND = Delegate(TO, 5), Undelegate(TO, 5)
MOVE = Redelegate(TO, b"\x12" * 20, 5)
VOTE = SetVote(TO, 1, 2_500)
STAKING = (FOUND, EDIT, BOND, UNBOND, MOVE, ClaimRewards(TO), VOTE, VOTE._replace(value=0))

STAKING_CASES = [
    *[
        bad(FOUND, errors.BadPublicKey, public_key=k)
        for k in (b"", bytes(33), FOUND.public_key[1:])
    ],
    bad(
        FOUND, errors.BadPublicKey, public_key=PublicKey(FOUND.public_key).format(compressed=False)
    ),
    *[bad(FOUND, errors.BadMoniker, moniker=name) for name in ("", "a\nb", "\u00e4" * 33)],
    *[bad(EDIT, errors.BadMoniker, moniker=name) for name in ("", "a" * 65)],
    bad(FOUND, errors.BadCommission, commission_bp=7),
    bad(FOUND, errors.BadCommission, commission_max_bp=10_001),
    bad(FOUND, errors.BadCommission, commission_step_bp=7),
    bad(EDIT, errors.BadCommission, commission_bp=10_001),
    *[
        bad(good, errors.BadAmount, amount=amount)
        for good in (FOUND, BOND, UNBOND, MOVE)
        for amount in (0, 2**128)
    ],
    *[
        bad(good, errors.BadAmount, self_bond_min=amount)
        for good in (FOUND, EDIT)
        for amount in (0, 2**128)
    ],
    *[
        bad(good, errors.BadAddress, validator=address)
        for good in (BOND, UNBOND, ClaimRewards(TO), VOTE)
        for address in (bytes(20), TO[1:])
    ],
    *[bad(MOVE, errors.BadAddress, **{side: bytes(20)}) for side in ("source", "target")],
    bad(MOVE, errors.SameValidator, target=TO),
    *[bad(VOTE, errors.BadParameter, parameter=number) for number in (0, 8)],
    *[bad(VOTE, errors.BadVote, value=value) for value in (2_501, 13, 10**30 + 1, 11 * 10**29)],
    *[bad(VOTE, errors.BadVote, parameter=7, value=value) for value in (90, 5_600)],
]
