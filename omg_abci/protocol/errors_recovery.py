"""Refusals that have to do with an account's key and its guardians.

Everything is imported from `omg_abci.protocol.errors`.
"""

from omg_abci.protocol.errors_tree import AdmissionError, LegError


class KeyReplaced(AdmissionError):
    code, text = 109, "the owner's account was given another key"


class OwnKeyRaw(AdmissionError):
    code, text = 110, "an owner's own key signs typed"


class KeyReplacedBefore(LegError):
    code, text = 1015, "the key was replaced by a transaction before this one"


class NotAGuardian(LegError):
    code, text = 1016, "owner is no guardian of the account"


class ApprovedBefore(LegError):
    code, text = 1017, "the guardian has approved this key already"


class SameKey(LegError):
    code, text = 1018, "the key is the account's key already"


class NoRecovery(LegError):
    code, text = 1019, "no guardian has approved another key of the account"


class TooFewApprovals(LegError):
    code, text = 1020, "fewer guardians than needed have approved the key"


class RecoveryTooEarly(LegError):
    code, text = 1021, "the delay of the recovery is not over"


class RecoveryUnderWay(LegError):
    code, text = 1022, "guardians cannot be changed while a recovery is under way"


class NoGuardians(LegError):
    code, text = 1023, "the account has no guardians"


class AgentIsKey(LegError):
    code, text = 1024, "an account's own key cannot be its agent"
