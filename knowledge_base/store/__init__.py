"""Where passages and their vectors are held: one protocol, an embedded and a server engine."""
