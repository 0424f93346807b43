"""Cutting a read document into passages: structure, headings, articles, tables, attachments, terms."""
