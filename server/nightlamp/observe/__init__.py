"""What operators see: logs, health and metrics. Patient identity is in none of them (P6)."""
