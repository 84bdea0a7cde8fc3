"""publish: patient states and alerts reach consoles (WebSocket) and other systems (Redis pub/sub).

`Hub.offer` takes each finished batch and never waits; `RedisChannels` taps the hub. Messages: `docs/messages.md`.
"""

from nightlamp.publish.batch import Batch, Message
from nightlamp.publish.census import AlertEntry
from nightlamp.publish.hub import AlertHistory, HistoryBehind, Hub
from nightlamp.publish.limits import PublishLimits
from nightlamp.publish.redis_channels import RedisChannels
from nightlamp.publish.stats import PublishStats
from nightlamp.publish.stream import Authenticate, Viewer, bearer, router

__all__ = [
    "AlertEntry",
    "AlertHistory",
    "Authenticate",
    "Batch",
    "HistoryBehind",
    "Hub",
    "Message",
    "PublishLimits",
    "PublishStats",
    "RedisChannels",
    "Viewer",
    "bearer",
    "router",
]
