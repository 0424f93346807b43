"""The Gradio pages; imported only when the service runs with `--ui`."""
