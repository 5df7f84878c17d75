"""Every error of the ABCI server, one class one stable code.

    AbciError
    ├── FrameError            the byte stream cannot be cut into messages
    │   ├── LengthOverflow    frame_length_overflow
    │   ├── FrameTooLarge     frame_too_large
    │   └── TruncatedFrame    frame_truncated
    ├── RequestError          a whole message that is not a request
    │   ├── UndecodableRequest  request_undecodable
    │   ├── UnsetRequest        request_unset
    │   └── UnknownRequest      request_unknown
    ├── ConnectionRefused     the connection itself is not wanted
    │   ├── TooManyConnections         connections_exceeded
    │   └── SecondConsensusConnection  consensus_connection_taken
    ├── ApplicationFailed     application_failed
    ├── InvalidAnswer         answer_invalid
    └── AddressError          the server cannot listen where it was told to
        ├── AddressMalformed  address_malformed
        ├── AddressNotLocal   address_not_local
        └── AddressInUse      address_in_use

A frame, request or connection error closes the connection it happened on and no other. Codes
are stable; texts are not.
"""

from __future__ import annotations

from typing import ClassVar

# CometBFT forgets a transaction refused with this code or a greater one after half a second,
# instead of remembering it as seen.
RETRY_CODE_MIN = 32_000

# The code of CheckTx, InsertTx and Query when the application raised: it says nothing about the
# transaction, so that the node must not remember the refusal.
INTERNAL_ERROR_CODE = 32_099

# The codespace that goes with INTERNAL_ERROR_CODE.
CODESPACE = "abci"


class AbciError(Exception):
    """The root of every error of this package."""

    code: ClassVar[str] = "abci_error"

    def describe(self) -> str:
        """Return code and text as one line."""
        return f"{self.code}: {self}"


class FrameError(AbciError):
    """The byte stream cannot be cut into messages."""

    code = "frame_error"


class LengthOverflow(FrameError):
    """A length prefix does not fit in 64 bits."""

    code = "frame_length_overflow"


class FrameTooLarge(FrameError):
    """A length prefix announces more than the limit."""

    code = "frame_too_large"


class TruncatedFrame(FrameError):
    """The stream ended inside a frame."""

    code = "frame_truncated"


class RequestError(AbciError):
    """A whole message that is not a request."""

    code = "request_error"


class UndecodableRequest(RequestError):
    """The bytes are no Request."""

    code = "request_undecodable"


class UnsetRequest(RequestError):
    """The Request names no call."""

    code = "request_unset"


class UnknownRequest(RequestError):
    """The Request names a call that ABCI 2.0 does not have."""

    code = "request_unknown"


class ConnectionRefused(AbciError):
    """The connection itself is not wanted."""

    code = "connection_refused"


class TooManyConnections(ConnectionRefused):
    """The server already serves as many connections as it may."""

    code = "connections_exceeded"


class SecondConsensusConnection(ConnectionRefused):
    """Another open connection already makes consensus calls."""

    code = "consensus_connection_taken"


class ApplicationFailed(AbciError):
    """The application raised in a call that has no answer for failure."""

    code = "application_failed"


class InvalidAnswer(AbciError):
    """The application returned what would make CometBFT stop."""

    code = "answer_invalid"


class AddressError(AbciError):
    """The server cannot listen where it was told to."""

    code = "address_error"


class AddressMalformed(AddressError):
    """The address is neither `unix://PATH` nor `tcp://HOST:PORT`."""

    code = "address_malformed"


class AddressNotLocal(AddressError):
    """The host is not a loopback address."""

    code = "address_not_local"


class AddressInUse(AddressError):
    """Another process listens there, or the path is not a socket."""

    code = "address_in_use"
