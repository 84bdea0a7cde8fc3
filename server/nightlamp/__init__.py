"""nightlamp watches over a ward: real-time risk scoring at the bedside. Research software, not a medical device."""

__version__ = "0.1.0"
