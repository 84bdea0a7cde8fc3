"""alerting: what people do to alerts, and how they read them. The engine decides: every action is a journalled frame.

POST /v1/alerts/{id}/acknowledge | snooze | unsnooze | escalate      GET /v1/alerts      GET /v1/alerts/{id}
"""

from nightlamp.alerting.actions import Actions
from nightlamp.alerting.routes import router

__all__ = ["Actions", "router"]
