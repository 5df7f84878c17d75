"""Cases of created tokens: issue, minting, burning, the end, and every refusal of them."""

from omg_abci.protocol import limits
from omg_abci.protocol.messages import Burn, CloseToken, CreateToken, Message, Mint, Transfer
from tests.strategies import OWNERS, STRANGER
from tests.vectors.case_types import Case, accept, by, make_market, reject
from tests.vectors.genesis import FEW
from tests.vectors.wrong_fields import Wrong

GOLD = limits.CREATED_TOKEN_FIRST
ISSUER, TO = OWNERS[0].address, OWNERS[1].address
FIXED = CreateToken("GOLD", 2, mintable=False, burnable=True, supply=100, cap=100)
POINTS = CreateToken("MILES", 0, mintable=True, burnable=True, supply=0, cap=100)
HELD = CreateToken("HELD", 36, mintable=True, burnable=False, supply=40, cap=2**128 - 1)

TOKEN_LEGS: dict[type[Message], Message] = {
    CreateToken: FIXED,
    Mint: Mint(GOLD, 5, TO, 0),
    Burn: Burn(GOLD, 5, 0),
    CloseToken: CloseToken(GOLD),
}
"""A leg of each kind."""

TOKENS: list[Case] = [
    accept(CreateToken, "fixed", "all of it is there at once", by(0, FIXED)),
    accept(CreateToken, "points", "nothing of it is there yet", by(0, POINTS)),
    accept(
        CreateToken,
        "ids_go_on",
        "a closed token's id is not given again, its symbol is",
        by(0, POINTS, HELD),
        by(0, CloseToken(GOLD), POINTS),
    ),
    accept(
        CreateToken,
        "is_moved_and_traded",
        "as any other token",
        by(0, FIXED, Transfer(TO, GOLD, 30, 0, 0)),
        by(0, make_market(base=GOLD, base_unit=1)),
    ),
    reject(CreateToken, 1012, "symbol_taken", "the token before has it", by(0, FIXED, FIXED)),
    reject(
        CreateToken,
        1012,
        "symbol_of_genesis",
        "a token of genesis has it",
        by(0, FIXED._replace(symbol="QUOTE")),
    ),
    reject(
        CreateToken,
        1011,
        "deposit_not_covered",
        "the deposit is as large as a market's bond",
        (by(0, FIXED)[0]._replace(owner=FEW),),
    ),
    reject(
        CreateToken,
        1006,
        "rolled_back",
        "id, symbol and deposit are as before",
        by(0, FIXED, Burn(3, 1, 0), atomic=True),
        by(0, FIXED, Burn(GOLD, 101, 0), atomic=True),
    ),
    accept(
        CreateToken,
        "after_a_rollback",
        "the id and the symbol that were rolled back are given",
        by(0, FIXED, Burn(3, 1, 0), atomic=True),
        by(0, FIXED),
    ),
    accept(Mint, "for_another", "up to the cap", by(0, POINTS), by(0, Mint(GOLD, 100, TO, 3))),
    accept(
        Mint,
        "after_burning",
        "the cap is of what there is at a time",
        by(0, POINTS, Mint(GOLD, 100, ISSUER, 0), Burn(GOLD, 10, 0), Mint(GOLD, 10, TO, 0)),
    ),
    accept(
        Mint,
        "the_greatest_supply",
        "no balance is larger",
        by(0, HELD, Mint(GOLD, 2**128 - 41, ISSUER, 0)),
    ),
    reject(Mint, 1001, "unknown_token", "no such token", by(0, Mint(GOLD, 1, TO, 0))),
    reject(
        Mint,
        1007,
        "token_of_genesis",
        "comes from the root chain only",
        by(0, Mint(1, 1, ISSUER, 0)),
    ),
    reject(Mint, 1007, "not_issuer", "somebody else's", by(0, POINTS), by(1, Mint(GOLD, 1, TO, 0))),
    reject(Mint, 1008, "fixed", "cannot be minted", by(0, FIXED, Mint(GOLD, 1, TO, 0))),
    reject(
        Mint,
        1010,
        "above_cap",
        "by one",
        by(0, POINTS, Mint(GOLD, 60, TO, 0), Mint(GOLD, 41, TO, 0)),
    ),
    accept(
        Burn,
        "by_a_holder",
        "not only by the issuer",
        by(0, FIXED, Transfer(TO, GOLD, 30, 0, 7)),
        by(1, Burn(GOLD, 30, 7)),
    ),
    reject(Burn, 1001, "unknown_token", "no such token", by(0, Burn(GOLD, 1, 0))),
    reject(Burn, 1009, "token_of_genesis", "leaves by the root chain only", by(0, Burn(1, 1, 0))),
    reject(Burn, 1009, "not_burnable", "as it was created", by(0, HELD, Burn(GOLD, 1, 0))),
    reject(
        Burn,
        1000,
        "anothers",
        "the issuer cannot burn what others have",
        by(0, FIXED, Transfer(STRANGER.address, GOLD, 100, 0, 0), Burn(GOLD, 1, 0)),
    ),
    accept(
        CloseToken,
        "empty",
        "deposit and symbol are free again",
        by(0, FIXED, Burn(GOLD, 100, 0)),
        by(0, CloseToken(GOLD)),
    ),
    reject(CloseToken, 1001, "twice", "is gone", by(0, POINTS, *[CloseToken(GOLD)] * 2)),
    reject(CloseToken, 1007, "not_issuer", "another's", by(0, POINTS), by(1, CloseToken(GOLD))),
    reject(CloseToken, 1007, "token_of_genesis", "is nobody's", by(0, CloseToken(3))),
    reject(CloseToken, 1014, "held", "somebody has some", by(0, FIXED, CloseToken(GOLD))),
    reject(
        CloseToken,
        1014,
        "traded",
        "a market trades it",
        by(0, FIXED, make_market(base=GOLD, base_unit=1), Burn(GOLD, 100, 0)),
        by(0, CloseToken(GOLD)),
    ),
]

WRONG_TOKEN_FIELDS: dict[type[Message], tuple[Wrong, ...]] = {
    CreateToken: (
        (80, {"symbol": ""}),
        (80, {"symbol": "A" * 17}),
        (80, {"symbol": "Gold"}),
        (80, {"symbol": "G\u041eLD"}),
        (81, {"decimals": 37}),
        (82, {"supply": 0, "cap": 0}),
        (82, {"supply": 101}),
        (82, {"supply": 99}),
        (82, {"mintable": True, "cap": 99}),
    ),
    Mint: (
        (20, {"token": 0}),
        (19, {"amount": 0}),
        (19, {"amount": 2**128}),
        (5, {"to": bytes(20)}),
        (5, {"to": TO[:19]}),
        (22, {"to_subaccount": 256}),
    ),
    Burn: (
        (20, {"token": 0}),
        (19, {"amount": 0}),
        (19, {"amount": 2**128}),
        (22, {"from_subaccount": 256}),
    ),
    CloseToken: ((20, {"token": 0}),),
}
