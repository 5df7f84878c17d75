"""Everything that can be wrong with a local network, one class one stable code.

    LocalnetError
    ├── BadNetwork            network_bad            what was asked for cannot be a network
    ├── DirectoryTaken        directory_taken        the directory holds something else
    ├── NoNetwork             network_missing        the directory holds no network
    ├── NetworkRunning        network_running        another supervisor has the network
    ├── StartFailed           start_failed           a process ended, or no block came, at start
    ├── NetworkFailed         network_failed         a validator does not stay up
    ├── JoinFailed            join_failed            a node cannot join the network by state sync
    ├── CometBFTMissing       cometbft_missing       none found, and none can be built
    ├── CometBFTWrong         cometbft_wrong         the binary that was named is another version
    ├── CometBFTBuildFailed   cometbft_build_failed  the Go toolchain did not make one
    ├── RpcUnreachable        rpc_unreachable        a node does not answer
    └── RpcRefused            rpc_refused            a node answered with an error

Codes are stable; texts are not.
"""

from typing import ClassVar


class LocalnetError(Exception):
    """The root of every error of this package."""

    code: ClassVar[str] = "localnet_error"

    def describe(self) -> str:
        """Return code and text as one line."""
        return f"{self.code}: {self}"


class BadNetwork(LocalnetError):
    """What was asked for cannot be a network."""

    code = "network_bad"


class DirectoryTaken(LocalnetError):
    """The directory holds something that is not a local network, or one where none may be."""

    code = "directory_taken"


class NoNetwork(LocalnetError):
    """The directory holds no network of this version."""

    code = "network_missing"


class NetworkRunning(LocalnetError):
    """Another supervisor has the network."""

    code = "network_running"


class StartFailed(LocalnetError):
    """A process ended, or no block came, while the network started."""

    code = "start_failed"


class NetworkFailed(LocalnetError):
    """A validator ended again and again, each time soon after it was restarted."""

    code = "network_failed"


class JoinFailed(LocalnetError):
    """A node cannot join a network by state sync: the network does not give what it needs."""

    code = "join_failed"


class CometBFTMissing(LocalnetError):
    """No CometBFT of the right version was found, and there is no Go toolchain to build it."""

    code = "cometbft_missing"


class CometBFTWrong(LocalnetError):
    """The binary that was named is no CometBFT of the right version."""

    code = "cometbft_wrong"


class CometBFTBuildFailed(LocalnetError):
    """The Go toolchain did not make a CometBFT of the right version."""

    code = "cometbft_build_failed"


class RpcUnreachable(LocalnetError):
    """A node does not answer."""

    code = "rpc_unreachable"


class RpcRefused(LocalnetError):
    """A node answered with an error."""

    code = "rpc_refused"
