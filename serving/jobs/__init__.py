"""Durable jobs: long work that outlives its request and the process that began it."""
