"""Tests of the ABCI server, which need nothing of the chain."""
