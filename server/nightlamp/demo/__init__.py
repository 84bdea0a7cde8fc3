"""demo: a simulated ward that tells its own story. Nothing here runs in a hospital.

`house` holds the processes (server, ward) and the keys, `sink` the receivers of notifications, `record` what the
server's public stream and the receivers said and when, `people` who acts through the API; `chapters` wait for what is
to happen and say what was measured, `narrator` runs them and prints. A chapter is told when it has happened, never
before, and one that does not happen is told as missing.
"""
