"""The command ``boooply doctor``: which assumptions of the SDK are true of the API that a user has."""
