"""Budgets that hold: reserved before anything is dispatched, settled after, refunded on failure."""
