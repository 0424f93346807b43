"""One file a benchmark; each returns the JSON object that `cspon bench` prints."""
