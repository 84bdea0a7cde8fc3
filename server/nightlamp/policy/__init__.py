"""The alert policy: checked by the engine's own reader, shown to whoever may know it.

GET /v1/policy
"""

from nightlamp.policy.checking import Checked, PolicyRefused, check
from nightlamp.policy.routes import router

__all__ = ["Checked", "PolicyRefused", "check", "router"]
