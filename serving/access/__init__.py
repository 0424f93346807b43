"""Who calls: keys, scopes, sessions of the pages, and the gate in front of every route."""
