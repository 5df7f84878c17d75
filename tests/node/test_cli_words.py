"""What people read about the legs of wallets, providers and issuers before they sign."""

import pytest

from omg_abci.node.commands.catalogue import Catalogue, TokenTerms
from omg_abci.node.commands.words import describe_event, describe_leg, describe_result
from omg_abci.protocol.messages import (
    ApproveAgent,
    Burn,
    CancelRecovery,
    CloseRequest,
    CloseToken,
    CreatePaymentRequest,
    CreateToken,
    FinishRecovery,
    Message,
    Mint,
    Pay,
    PayRequest,
    SetAllowance,
    SetFeeOffer,
    SetGuardians,
    SetLimits,
    SetRecipients,
    SetSponsorship,
    StartRecovery,
    UseFeeOffer,
    UseSponsorship,
)
from omg_abci.protocol.results import (
    Event,
    LegResult,
    ValidatorJailed,
    ValidatorSlashed,
    ValidatorUnjailed,
)
from omg_abci.protocol.units import Fault

KEY = b"\x11" * 20
SHOWN = "0x" + "11" * 20
CATALOGUE = Catalogue({5: TokenTerms(5, "GOLD", 2)}, {})

CASES: list[tuple[Message, str, str]] = [
    (
        CreateToken("GOLD", 2, mintable=True, burnable=False, supply=100, cap=500),
        "create a token: 1 GOLD at once, minted up to 5 GOLD; nobody may burn it",
        "created token 9",
    ),
    (
        CreateToken("GOLD", 2, mintable=False, burnable=True, supply=100, cap=100),
        "create a token: 1 GOLD at once, never more; holders may burn it",
        "created token 9",
    ),
    (Mint(5, 150, KEY, 0), f"mint 1.5 GOLD for {SHOWN}", "minted"),
    (Mint(6, 150, KEY, 2), f"mint 150 units of token 6 for {SHOWN} subaccount 2", "minted"),
    (Burn(5, 150, 3), "burn 1.5 GOLD of subaccount 3", "burnt"),
    (CloseToken(5), "close GOLD, of which nothing is left", "closed; its deposit is free again"),
    (
        Pay(KEY, 5, 150, 0, 0, 0, b"table 4"),
        f"pay 1.5 GOLD to {SHOWN}, memo 'table 4'",
        "paid",
    ),
    (
        Pay(KEY, 5, 150, 1, 2, 8, b"\xff"),
        f"pay 1.5 GOLD from subaccount 1 to {SHOWN} subaccount 2, memo 0xff, once (payment 8)",
        "paid",
    ),
    (
        CreatePaymentRequest(3, 5, 150, 1_700_000_000_000, 1, 0, 0, b"tea"),
        "ask for 1.5 GOLD, 1 payment until 2023-11-14 22:13:20 UTC, memo 'tea'; request 3",
        "payment request 3 is open",
    ),
    (
        CreatePaymentRequest(3, 5, 0, 1_700_000_000_000, 9, 300, 0, b""),
        (
            "ask for any amount of GOLD, 9 payments until 2023-11-14 22:13:20 UTC,"
            " at most 3 GOLD of a payer; request 3"
        ),
        "payment request 3 is open",
    ),
    (PayRequest(KEY, 3, 5, 150, 0, 0), f"pay 1.5 GOLD for request 3 of {SHOWN}", "paid"),
    (UseSponsorship(KEY), f"let {SHOWN} pay the fee", "the sponsor pays the fee"),
    (
        UseFeeOffer(KEY, 5, 150),
        f"let {SHOWN} pay the fee, for at most 1.5 GOLD",
        "the provider pays the fee",
    ),
    (SetFeeOffer(5, 0, 0, 0, 0), "take no GOLD for fees any more", "set"),
    (
        SetFeeOffer(5, 150, 7, 900, 1_700_000_000_000),
        (
            "pay fees for 1.5 GOLD each 7 units of the fee token, 900 units of the fee token in"
            " all, until 2023-11-14 22:13:20 UTC"
        ),
        "set",
    ),
    (
        SetLimits(5, 150),
        "pay at most 1.5 GOLD a day",
        "set: a lower limit acts now, a higher one in a day",
    ),
    (
        SetLimits(5, 0),
        "pay any amount of GOLD a day",
        "set: a lower limit acts now, a higher one in a day",
    ),
    (SetSponsorship(KEY, 0, 0), f"pay no fees of {SHOWN} any more", "set"),
    (
        SetSponsorship(KEY, 900, 1_700_000_000_000),
        f"pay fees of {SHOWN}, 900 units of the fee token in all, until 2023-11-14 22:13:20 UTC",
        "set",
    ),
    (CloseRequest(3), "close payment request 3", "closed; its deposit is free again"),
    (
        SetAllowance(KEY, 5, 1_000, 150),
        f"let {SHOWN} pay 10 GOLD in all, 1.5 GOLD a day",
        "set",
    ),
    (SetAllowance(KEY, 5, 0, 0), f"let {SHOWN} pay no GOLD any more", "set"),
    (
        ApproveAgent(KEY, 3, 1_700_000_000_000),
        (
            f"let {SHOWN} trade and pay up to its allowances for the owner until 2023-11-14"
            " 22:13:20 UTC"
        ),
        "approved",
    ),
    (
        ApproveAgent(KEY, 7, 1_700_000_000_000),
        (
            f"let {SHOWN} trade, pay up to its allowances and recover accounts for the owner until"
            " 2023-11-14 22:13:20 UTC"
        ),
        "approved",
    ),
    (
        SetGuardians((KEY, b"\x22" * 20), 2, 3_600_000),
        (
            f"let 2 guardians of {SHOWN}, 0x{'22' * 20} give the account another key,"
            " 60 min after they approved it"
        ),
        "set",
    ),
    (SetGuardians((), 0, 0), "let nobody give the account another key", "set"),
    (
        StartRecovery(KEY, b"\x22" * 20),
        f"as a guardian, give {SHOWN} the key 0x{'22' * 20}",
        "approved",
    ),
    (CancelRecovery(), "keep the account's key, whatever guardians approved", "cancelled"),
    (
        FinishRecovery(KEY),
        f"let the key that guardians approved for {SHOWN} take effect",
        "the account has its new key; its agents are dropped",
    ),
    (
        SetRecipients((KEY,)),
        f"pay nobody but {SHOWN}",
        "set: whom it no longer names is not paid any more, whom it adds in a day",
    ),
    (
        SetRecipients(()),
        "pay anybody",
        "set: whom it no longer names is not paid any more, whom it adds in a day",
    ),
    (CloseToken(6), "close token 6, of which nothing is left", "closed; its deposit is free again"),
]


@pytest.mark.parametrize(("leg", "does", "done"), CASES)
def test_a_leg_in_words(leg: Message, does: str, done: str) -> None:
    """What it does, and what became of it."""
    assert describe_leg(leg, CATALOGUE) == does
    assert list(describe_result(leg, LegResult(market=9), CATALOGUE)) == [done]


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (
            ValidatorSlashed(KEY, Fault.DOWNTIME, 99, 700, 0),
            "lost 700 units of the fee token of its stake: it missed too many blocks (block 99)",
        ),
        (
            ValidatorSlashed(KEY, Fault.EQUIVOCATION, 9, 700, 200),
            (
                "lost 700 units of the fee token of its stake, of that 200 units of the fee token"
                " had left it: it signed two blocks of one height (block 9)"
            ),
        ),
        (
            ValidatorJailed(KEY, Fault.DOWNTIME, 1_700_000_000_000),
            "is jailed until 2023-11-14 22:13:20 UTC: it missed too many blocks",
        ),
        (
            ValidatorJailed(KEY, Fault.EQUIVOCATION, 0),
            "is jailed for ever: it signed two blocks of one height",
        ),
        (ValidatorJailed(KEY, 77, 0), "is jailed for ever: fault 77"),
        (ValidatorUnjailed(KEY), "is not jailed any more"),
    ],
)
def test_what_happened_to_a_validator_in_words(event: Event, told: str) -> None:
    """What it lost, until when it is out and why; also a fault that this version lacks."""
    assert list(describe_event(event, CATALOGUE)) == [f"validator {SHOWN} {told}"]
