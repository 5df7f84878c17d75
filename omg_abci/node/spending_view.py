"""What the node API answers about paying: allowances, limits, payment requests, fee offers.

What is left is told as a payment in the next moment would find it: on another day of UTC than the
last payment's, a daily bound is whole again.
"""

from omg_abci.gen.omg.node.v1 import node_pb2 as pb
from omg_abci.node.reader import Reader
from omg_abci.protocol.limits import DAY_MS
from omg_abci.protocol.units import ADDRESS_BYTES, Address
from omg_abci.state import schema
from omg_abci.state.keyed_records import AllowancesRecord, LimitsRecord


def make_allowances(reader: Reader, owner: Address) -> pb.Allowances:
    """Return what an owner's agents may still pay, and what its account may pay in a day."""
    answer = pb.Allowances(height=reader.block.height, owner=owner)
    day = reader.block.time_ms // DAY_MS
    for agent, value in reader.list_behind(schema.ALLOWANCES + owner, ADDRESS_BYTES):
        answer.keys.append(schema.compute_allowances_key(owner, agent))
        for row in AllowancesRecord.decode(value).rows:
            today = row.daily - (row.spent if row.day == day else 0)
            answer.allowances.add(
                agent=agent,
                token=row.token,
                left=str(row.left),
                daily=str(row.daily),
                left_today=str(max(0, min(row.left, today))),
            )
    key = schema.compute_limits_key(owner)
    data = reader.records.get(key)
    if data is None:
        return answer
    answer.keys.append(key)
    for each in LimitsRecord.decode(data).rows:
        limit = each.bring_up(reader.block.time_ms)
        if limit.daily:
            today = limit.daily - (limit.spent if limit.day == day else 0)
            answer.limits.add(
                token=limit.token,
                daily=str(limit.daily),
                left_today=str(max(0, today)),
                next_daily=str(limit.next_daily),
                next_ms=limit.next_ms,
            )
    return answer


def make_requests(
    reader: Reader, payee: Address, after: int, limit: int
) -> pb.ListRequestsResponse:
    """Return a page of a payee's open requests, by number."""
    answer = pb.ListRequestsResponse(height=reader.block.height, payee=payee)
    found, answer.more = reader.list_requests(payee, after, limit)
    for number, each in found:
        answer.keys.append(schema.compute_request_key(payee, number))
        answer.requests.add(
            request=number,
            token=each.token,
            amount=str(each.amount),
            expires_ms=each.expires_ms,
            uses_left=each.uses_left,
            payer_cap=str(each.payer_cap),
            subaccount=each.subaccount,
            deposit=str(each.deposit),
            paid=str(each.paid),
            expired=each.expires_ms <= reader.block.time_ms,
        )
    return answer


def make_fee_offers(reader: Reader, request: pb.ListFeeOffersRequest) -> pb.ListFeeOffersResponse:
    """Return a page of who pays fees for a token, by provider, or the one that is asked for."""
    answer = pb.ListFeeOffersResponse(height=reader.block.height, token=request.token)
    if request.provider:
        offer = reader.get_fee_offer(request.provider, request.token)
        found = [] if offer is None else [(request.provider, offer)]
    else:
        after = request.after_provider or bytes(ADDRESS_BYTES)
        found, answer.more = reader.list_fee_offers(request.token, after, request.limit)
    for provider, each in found:
        answer.keys.append(schema.compute_fee_offer_key(provider, request.token))
        answer.offers.add(
            provider=provider,
            tokens=each.tokens,
            per=each.per,
            left=str(each.left),
            expires_ms=each.expires_ms,
            deposit=str(each.deposit),
            expired=each.expires_ms <= reader.block.time_ms,
        )
    return answer
