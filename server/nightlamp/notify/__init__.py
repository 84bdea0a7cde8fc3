"""Notifications: alerts leave the house by e-mail, SMS, pager, chat or webhook, without a patient's identity.

Delivery is at least once, bounded in age, attempts, rate and memory (settings.Notify), remembered in the database, and
never in the way of the route. docs/notifications.md says how to set it up and what is sent.
"""

from .notifier import Notifier
from .routes import router
from .service import Service

__all__ = ["Notifier", "Service", "router"]
