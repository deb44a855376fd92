"""Exports to and imports from other tools."""
