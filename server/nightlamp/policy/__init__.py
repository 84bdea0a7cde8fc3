"""The alert policy: checked by the engine's own reader, in force by a frame of the journal, shown to whoever may know.

GET, PUT /v1/policy      POST /v1/policy/check      GET /v1/policy/history

Nothing is imported here: every command of `nightlamp` reads `checking`, and none of them the web server's parts.
"""
