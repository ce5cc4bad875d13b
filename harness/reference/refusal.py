"""A request that is refused: what status, and what the error says."""

from __future__ import annotations

from harness.model import Json


class Refusal(Exception):
    """Ends a request with an error.

    `gateway` is true for what is refused before the API itself looks: another content type and fewer headers then.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        param: str | None = None,
        code: str | None = None,
        kind: str = "invalid_request_error",
        gateway: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.param = param
        self.code = code
        self.kind = kind
        self.gateway = gateway

    def document(self) -> Json:
        """The body of the reply."""
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}


def unknown_model(name: str) -> Refusal:
    """No such model, or not for this key."""
    said = f"The model `{name}` does not exist or you do not have access to it."
    return Refusal(said, status=404, code="model_not_found", gateway=True)


def wrong_type(path: str, wanted: str, value: Json) -> Refusal:
    """A value of another JSON type than the wanted one."""
    return Refusal(f"Invalid type for '{path}': expected {wanted}, but got {named(value)}.", param=path, code="invalid_type")


def wrong_value(path: str, said: str, code: str = "invalid_value") -> Refusal:
    """A value of the right type that is not allowed there."""
    return Refusal(f"Invalid value for '{path}': {said}.", param=path, code=code)


def missing(path: str) -> Refusal:
    """A required parameter is not there."""
    return Refusal(f"Missing required parameter: '{path}'.", param=path, code="missing_required_parameter")


def named(value: Json) -> str:
    """The JSON type of a value, with its article."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a decimal"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"
