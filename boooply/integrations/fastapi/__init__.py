"""The integration with FastAPI: clients for customers, error responses and webhooks (the extra ``fastapi``)."""

from boooply.extras import naming_extra

try:
    from boooply.integrations.fastapi.application import WEBHOOK_PATH, Boooply, platform_over
    from boooply.integrations.fastapi.responses import error_response
except ModuleNotFoundError as _missing:
    raise naming_extra(_missing, __name__) from None

__all__ = ["WEBHOOK_PATH", "Boooply", "error_response", "platform_over"]
