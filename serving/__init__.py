"""The FastAPI gateway and the Gradio pages."""
