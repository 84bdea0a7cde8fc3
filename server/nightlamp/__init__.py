"""nightlamp watches over a ward: real-time risk scoring at the bedside. Research software, not a medical device."""
