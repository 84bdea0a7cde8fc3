"""The private PostgreSQL and Redis that nightlamp starts beside itself when no URL is set."""
