"""Options that several commands share, handed to each as one tuple."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from omg_abci.node.commands.connection import node_option
from omg_abci.node.commands.identity import Names, accounts_option, keyring_option
from omg_abci.node.commands.output import json_option
from omg_abci.protocol.units import Address

Command: TypeAlias = Callable[..., None]


class NodeOptions(NamedTuple):
    """Which node is asked, and for whom the answer is."""

    node: str | None
    as_json: bool


class OwnerOptions(NamedTuple):
    """The same for questions about an account, which may be named."""

    node: str | None
    keyring: Path
    accounts: Path | None
    as_json: bool

    def find_address(self, owner: str) -> Address:
        """Return the address that is written or named; raise CommandError."""
        return Names(self.keyring, self.accounts).find_address(owner)


def gather(
    kind: Any,  # noqa: ANN401 - any of the tuples of options
    options: Sequence[Any],
) -> Callable[[Command], Command]:
    """Return a decorator that adds options to a command and passes them as one argument.

    Of several such decorators the topmost gives the first argument.
    """

    def decorate(function: Command) -> Command:
        @functools.wraps(function)
        def command(*outer: object, **given: Any) -> None:  # noqa: ANN401 - click's values
            own = kind(**{name: given.pop(name) for name in kind._fields})
            function(*outer, own, **given)

        decorated: Command = command
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate


with_node: Final = gather(NodeOptions, (node_option, json_option))
with_owner: Final = gather(
    OwnerOptions, (node_option, keyring_option, accounts_option, json_option)
)
