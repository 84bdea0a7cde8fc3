"""The alert policy: checked by the engine's own reader, in force by a frame of the journal, shown to whoever may know.

GET, PUT /v1/policy      POST /v1/policy/check      GET /v1/policy/history
"""

from nightlamp.policy.changes import PolicyChanges
from nightlamp.policy.checking import Checked, PolicyRefused, check
from nightlamp.policy.routes import router

__all__ = ["Checked", "PolicyChanges", "PolicyRefused", "check", "router"]
