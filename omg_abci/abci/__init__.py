"""An ABCI 2.0 server for Python applications under CometBFT v0.40.

Subclass `Application`, one method a call, and hand it to `run` or `Server`. The package knows
nothing of any chain: it imports its generated messages and the standard library only.
"""

from omg_abci.abci.application import Application
from omg_abci.abci.errors import AbciError
from omg_abci.abci.server import Limits, Server, run

__all__ = ["AbciError", "Application", "Limits", "Server", "run"]
