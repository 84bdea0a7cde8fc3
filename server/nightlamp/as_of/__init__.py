"""As it was: what was known of a patient at any past time, from the journal, compared with what is stored.

The replay itself is Rust (core_rs/src/engine/replay.rs); this folder asks it, compares, and answers.
"""

from .compare import StoredRow, compare
from .routes import router
from .service import AsOf, AsOfStats
from .views import Past

__all__ = ["AsOf", "AsOfStats", "Past", "StoredRow", "compare", "router"]
