"""What the sandbox refuses, in the one error form of the contract (section 3)."""

__all__ = ["SandboxError", "conflict", "forbidden", "invalid", "malformed", "missing", "not_found"]


class SandboxError(Exception):
    """Say no to a call.

    Attributes:
        status: The HTTP status of the answer.
        code: The machine code in its body.
        message: The text for people in its body; names the field and the rule where one was broken.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message


def malformed(message: str, code: str = "BAD_REQUEST") -> SandboxError:
    """Refuse what is structurally wrong, or a bad query parameter."""
    return SandboxError(400, code, message)


def missing(field: str, why: str = "is required") -> SandboxError:
    """Refuse a body that lacks a field."""
    return SandboxError(400, "MISSING_FIELD", f"{field} {why}")


def invalid(field: str, rule: str) -> SandboxError:
    """Refuse a value that has the right shape and breaks a rule."""
    return SandboxError(422, "VALIDATION_FAILED", f"{field} {rule}")


def forbidden(message: str, code: str) -> SandboxError:
    """Refuse a key that is known and may not do this."""
    return SandboxError(403, code, message)


def not_found(what: str, code: str = "NOT_FOUND") -> SandboxError:
    """Refuse what does not exist, or belongs to somebody else: the two must look alike."""
    return SandboxError(404, code, f"{what} was not found")


def conflict(message: str, code: str) -> SandboxError:
    """Refuse what exists already, or what the present status forbids."""
    return SandboxError(409, code, message)
