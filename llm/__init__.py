"""Speak to models: chat, embeddings, engines."""
