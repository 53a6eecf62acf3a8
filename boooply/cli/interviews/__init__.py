"""The command ``boooply interviews``: lists, single interviews, changes and resumable exports."""
