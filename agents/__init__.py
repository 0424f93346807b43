"""LangGraph workflows over the tools, the knowledge base and a model."""
