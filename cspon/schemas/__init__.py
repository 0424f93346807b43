"""Contracts that cross folders: frozen pydantic models that refuse unknown fields."""
