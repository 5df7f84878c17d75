"""The service between the chain and Ethereum, a process of its own.

It sees the chain through ``omg_abci.protocol`` only. What is there today: the command line, which
says what it cannot do yet.
"""
