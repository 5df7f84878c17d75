"""The client side: what a wallet or trading program needs to talk to an OMG chain.

It sees the chain through ``omg_abci.protocol`` only. What is there today: the builders that make
messages; the client, its streams and its proof checks are not in this release.
"""
