"""Every bound of the protocol, in one place, with the relations between them checked at import.

Changing any of them changes what blocks are valid: it is a state machine breaking change.
"""

from typing import Final

# --- numbers ---
AMOUNT_MAX: Final = (1 << 128) - 1
"""Largest balance, supply or cost; the Ethereum contract's ledgers use the same width."""
PRICE_TICKS_MAX: Final = (1 << 48) - 1
"""Wide enough for a price given in units of 1e-9 up to 281,474."""
QUANTITY_LOTS_MAX: Final = (1 << 48) - 1
"""Wide enough for 2.8 million coins in lots of 1e-8."""
U32_MAX: Final = (1 << 32) - 1
U64_MAX: Final = (1 << 64) - 1
SUBACCOUNT_MAX: Final = 255

# --- transactions ---
CHAIN_ID_BYTES_MAX: Final = 16
"""The Plasma contract rebuilds sign bytes with a chain id of at most this length."""
TX_BYTES_MAX: Final = 32_768
"""256 legs of the largest kind fit with room to spare."""
LEGS_MAX: Final = 256
LEGS_TYPED_MAX: Final = 16
"""More than a person can read in a wallet's confirmation."""
NONCE_AGE_MAX_MS: Final = 2 * 24 * 3600 * 1000
NONCE_AHEAD_MAX_MS: Final = 3600 * 1000
NONCE_PAGE_BITS: Final = 10
"""A page of used nonces spans 2^10 of them, a bitmap of at most 128 bytes: about a second."""
NONCE_PAGES_PRUNED: Final = 2
"""Old pages that using a nonce deletes: more than it can add."""
SIGNER_TXS_PER_BLOCK_MAX: Final = 64

# --- exchange ---
MATCHES_MAX: Final = 256
MATCHES_DEFAULT: Final = 16
CANCEL_ALL_MAX: Final = 1_000
OPEN_ORDERS_MAX: Final = 250_000
"""Open orders of one owner; the busiest recorded venue held 20,491."""
EXPIRY_AHEAD_MAX_MS: Final = 366 * 24 * 3600 * 1000
EXPIRY_HEIGHTS_MAX: Final = 200_000_000
"""A good-till-height order's last block is at most this far ahead: a year at six a second."""
CLOSED_KEPT_MAX: Final = 256
"""Ended orders whose client ids an account remembers."""
CLOSED_KEPT_MS: Final = 2 * 24 * 3600 * 1000
TOMBSTONES_MAX: Final = 1_024
"""Live tombstones of one owner."""
AGENTS_MAX: Final = 16
AGENT_AHEAD_MAX_MS: Final = 366 * 24 * 3600 * 1000
SWITCH_AHEAD_MAX_MS: Final = 24 * 3600 * 1000
"""A dead-man's switch is set again at least once a day."""
FOK_ROUNDS_MAX: Final = 8
"""Rounds in which a batch auction leaves out the fill-or-kill orders that it cannot fill."""
MASS_STEPS_MAX: Final = 2_000
"""Steps of all mass work in a block: expiries, switches, auctions, delistings, triggers."""
MASS_START_MAX: Final = 1_000
"""The part of them that may be done at the block's start, before its transactions."""
MASS_PAIRS_MAX: Final = 500
"""The part of those at the start that call auctions may take: expiries go on meanwhile."""
MASS_TRIGGERS_MIN: Final = 500
"""What batch auctions leave of those at the end: stop orders cannot be held up by trading."""

# --- payments ---
MEMO_BYTES_MAX: Final = 64
"""An invoice's number, two hashes or a short sentence; it costs what its bytes cost."""
PAYMENT_KEPT_MS: Final = 2 * 24 * 3600 * 1000
"""How long a payment's client id is remembered: as long as its transaction may be sent again."""
PAYMENTS_FORGOTTEN: Final = 2
"""Old payments that remembering a new one forgets: more than it adds."""
ALLOWANCES_MAX: Final = 8
"""Tokens that one agent may pay with: they stand in one record."""
REQUEST_AHEAD_MAX_MS: Final = 366 * 24 * 3600 * 1000
CAPPED_USES_MAX: Final = 64
"""A request that caps what each payer pays has every payer in its record."""
LIMITS_MAX: Final = 8
"""Tokens of which an owner bounds what it pays: they stand in one record."""
RECIPIENTS_MAX: Final = 16
"""Whom a bounded account pays stands in one record."""
LIMITS_DELAY_MS: Final = 24 * 3600 * 1000
"""A higher limit acts a day later: who has stolen a key cannot lift it and pay at once."""
SPONSORSHIP_AHEAD_MAX_MS: Final = 366 * 24 * 3600 * 1000
FEE_OFFER_AHEAD_MAX_MS: Final = 366 * 24 * 3600 * 1000
RECORDS_KEPT_MS: Final = 3600 * 1000
"""How long a request, a grant or an offer still says that it has expired, before it is deleted."""
RECORDS_PER_BOND: Final = 10_000
"""The deposit of a small record is this part of a market's bond, rounded up."""
GUARDIANS_MAX: Final = 8
"""They and what they approve stand in one record each."""
RECOVERY_DELAY_MIN_MS: Final = 60_000
"""An owner who still has the key can answer an approval within ten blocks."""
RECOVERY_DELAY_MAX_MS: Final = 30 * 24 * 3600 * 1000
DAY_MS: Final = 24 * 3600 * 1000

# --- tokens ---
TOKENS_MAX: Final = 10_000
SYMBOL_BYTES_MAX: Final = 16
DECIMALS_MAX: Final = 36
"""More than any token in use has; 10^36 of its units still fit into an amount."""
CREATED_TOKEN_FIRST: Final = 1 << 31
"""The id of the first token that is created; the ids below are for the root chain's tokens."""

# --- markets ---
MARKETS_MAX: Final = 10_000
MARKET_BOND_DEFAULT: Final = 1_000_000_000_000_000_000_000
"""Smallest units of the fee token that creating a market locks: 1,000 coins of 18 decimals."""
BASIS_POINTS: Final = 10_000
"""How many of them are the whole."""
BAND_MIN_BP: Final = 100
BAND_MAX_BP: Final = 5_000
"""How far from the reference a price band lets a trade be, in basis points."""
BAND_WINDOW_MS: Final = 300_000
"""The reference price is that of the trades of five minutes."""
AUCTION_MIN_MS: Final = 1_000
AUCTION_DEFAULT_MS: Final = 60_000
"""How long a call auction collects where genesis does not say."""
AUCTION_MAX_MS: Final = 86_400_000
DELIST_NOTICE_MS: Final = 24 * 3600 * 1000
"""Owners have a day to leave a market that is being delisted."""
CHAIN_HALT_MS: Final = 60_000
"""Two blocks this far apart mean that the chain stood still."""
POST_ONLY_MS: Final = 60_000
"""How long after that only post-only orders and cancellations are taken."""

# --- staking ---
VALIDATORS_MAX: Final = 100
"""Validators that sign; the commit that the Plasma contract checks has at most so many."""
CANDIDATES_MAX: Final = 1_000
"""Validators there are, in the set or not: what a checkpoint sorts."""
MONIKER_BYTES_MAX: Final = 64
POWER_TOTAL_MAX: Final = (1 << 60) - 1
"""CometBFT stops above 2^63 / 8."""
SHARES_MAX: Final = 1 << 192
"""Of one validator: slashes make shares cheaper than tokens, and no sum may outgrow its record."""
REWARD_BITS: Final = 96
"""A reward index counts 2^-96 smallest units a share."""
COMMISSION_PAUSE_MS: Final = 24 * 3600 * 1000
"""A commission is changed at most once a day."""
SIGNING_WINDOW_MAX: Final = 8_192
"""Blocks in the window of downtime: a record of at most 1 KiB for each validator."""

# --- fees ---
MULTIPLIER_ONE: Final = 1 << 16
"""A congestion multiplier of 1."""
MULTIPLIER_MAX: Final = 64
"""The price of a work unit is at most so many times the provisional one."""
WORK_AVERAGE_EPOCHS: Final = 64
"""The long average of an epoch's work moves by a part of this towards each: a quiet spell of forty
epochs leaves half of it, so that the price it leads to is not far off."""
EPOCH_BLOCKS_MAX: Final = 1_000_000

# --- blocks ---
BLOCK_TXS_MAX: Final = 8_000
BLOCK_BYTES_MAX: Final = 2 * 1024 * 1024
BLOCK_WORK_MAX: Final = 4_000_000

# --- work units: what a transaction costs the network, about 0.1 microseconds each ---
WORK_TX: Final = 400
"""Signature, envelope, nonce."""
WORK_PER_16_BYTES: Final = 1
WORK_TRANSFER: Final = 40
WORK_PLACE: Final = 50
WORK_AMEND: Final = 50
WORK_CANCEL: Final = 30
WORK_MATCH: Final = 30
"""A step against one resting order."""
WORK_CANCEL_ALL: Final = 30
WORK_CANCELLED_ORDER: Final = 30
WORK_AGENT: Final = 60
WORK_SWITCH: Final = 30
WORK_MARKET: Final = 500
"""Creating or changing a market; rare, and it writes most."""
WORK_PAY: Final = 60
"""A transfer, and what is remembered of it."""
WORK_ALLOWANCE: Final = 60
WORK_REQUEST: Final = 60
WORK_SPONSORSHIP: Final = 60
"""Setting a grant, or a fee offer."""
WORK_SPONSORED: Final = 30
"""Naming a sponsor, whose grant is written when the fee is known."""
WORK_FEE_SWAP: Final = 60
"""Naming a fee offer: it and two balances more are written when the fee is known."""
WORK_LIMITS: Final = 60
WORK_RECOVERY: Final = 80
"""Setting guardians, approving a key, cancelling: one record is written and two are read."""
WORK_FINISH_RECOVERY: Final = 2_000
"""Every agent is dropped, with what it may pay."""
WORK_TOKEN: Final = 200
"""Creating a token writes four records."""
WORK_SUPPLY: Final = 60
"""Minting and burning write a balance and the token."""
WORK_CLOSE_TOKEN: Final = 7_000
"""Every market is asked whether it trades the token."""

WORK_STAKE: Final = 120
"""Delegating, undelegating, redelegating, claiming: up to six records."""
WORK_VALIDATOR: Final = 500

UNIT_PRICE_MAX: Final = 1 << 64
ROOT_INTERVAL_MAX: Final = 1_000

_RELATIONS = (
    (PRICE_TICKS_MAX * QUANTITY_LOTS_MAX <= AMOUNT_MAX, "a product of ticks and lots fits"),
    (NONCE_AGE_MAX_MS >= 1 << NONCE_PAGE_BITS, "a page is young for longer than it is written"),
    (TX_BYTES_MAX < BLOCK_BYTES_MAX, "a transaction fits into a block"),
    (MATCHES_DEFAULT <= MATCHES_MAX, "the default number of matches is allowed"),
    (LEGS_TYPED_MAX <= LEGS_MAX, "typed transactions are transactions"),
    (
        MATCHES_MAX + 1 <= MASS_TRIGGERS_MIN <= MASS_STEPS_MAX - MASS_START_MAX,
        "a triggered order fits into the mass work of a block",
    ),
    (0 < BAND_MIN_BP <= BAND_MAX_BP < BASIS_POINTS, "a price band leaves prices above zero"),
    (AUCTION_MIN_MS <= AUCTION_DEFAULT_MS <= AUCTION_MAX_MS, "the default auction is allowed"),
    (
        max(WORK_MARKET, WORK_TOKEN, WORK_CLOSE_TOKEN, WORK_VALIDATOR, WORK_FINISH_RECOVERY)
        <= WORK_PLACE + MATCHES_MAX * WORK_MATCH,
        "placing is the dearest leg",
    ),
    (VALIDATORS_MAX <= CANDIDATES_MAX, "the set is chosen from the candidates"),
    (
        WORK_TX
        + WORK_PER_16_BYTES * TX_BYTES_MAX
        + LEGS_MAX * (WORK_PLACE + MATCHES_MAX * WORK_MATCH)
        <= BLOCK_WORK_MAX,
        "the dearest transaction fits into a block",
    ),
)
for _holds, _claim in _RELATIONS:
    if not _holds:
        message = f"limits contradict each other: {_claim}"
        raise ValueError(message)
