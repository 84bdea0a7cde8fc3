"""Who may do what: API keys, roles, console sessions. Nobody enters anonymously."""
