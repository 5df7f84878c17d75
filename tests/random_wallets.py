"""Dense random blocks of wallets, providers and issuers, beside some trading, from a seed."""

from random import Random

from omg_abci.protocol.messages import Burn, CloseToken, CreateToken, Message, Mint
from tests.cast import KEYS, Key
from tests.random_plans import PlanSource
from tests.strategies_wallet import NEW_TOKEN


def draw_token(pick: Random) -> int:
    """Draw one of the tokens that are created first, now and then another one."""
    return pick.choice([*[NEW_TOKEN, NEW_TOKEN + 1] * 4, NEW_TOKEN + 2, 3, 9])


def draw_token_leg(pick: Random) -> Message:
    """Draw what an issuer or a holder does, or tries to."""
    chance, token = pick.random(), draw_token(pick)
    amount = pick.choice([1, 5, 10, 40, 100])
    if chance < 0.15:
        mintable = pick.random() < 0.7
        supply = pick.choice([0, 10, 100]) if mintable else 100
        symbol = pick.choice(["GOLD", "MILES", "QUOTE"])
        return CreateToken(symbol, 2, mintable, pick.random() < 0.7, supply, 100)
    if chance < 0.5:
        return Mint(token, amount, pick.choice(KEYS).address, pick.choice([0, 0, 1]))
    if chance < 0.9:
        return Burn(token, amount, pick.choice([0, 0, 1]))
    return CloseToken(token)


class WalletSource(PlanSource):
    """Draws blocks in which a share of the legs is not about orders and markets."""

    share = 0.6

    def draw_leg(self, owner: Key, signer: Key) -> Message:
        """Draw a leg of a wallet, or another one."""
        if self.random.random() < (self.share if signer == owner else 0.01):
            return draw_token_leg(self.random)
        return super().draw_leg(owner, signer)
