"""Figures of alerts per unit: how many a patient and day, how soon answered, how often right. API and Prometheus."""

from .gauges import Gauges
from .routes import router

__all__ = ["Gauges", "router"]
