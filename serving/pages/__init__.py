"""The pages: the knowledge base's (templates), and the chat page (Gradio, only with `--ui`)."""
