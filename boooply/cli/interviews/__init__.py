"""The command ``boooply interviews``: lists, single interviews, changes, and exports that can be continued."""
