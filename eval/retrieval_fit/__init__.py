"""Fit what retrieval learns from labelled questions, with honest (out-of-fold) figures."""
