"""The tools for assistants of others: a server of the Model Context Protocol."""
