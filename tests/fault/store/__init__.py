"""Faults of the server's neighbours: PostgreSQL, the line to it, Redis, a broker, MQTT clients."""
