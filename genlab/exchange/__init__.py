"""Trained models for other people's tools, and theirs for ours."""
