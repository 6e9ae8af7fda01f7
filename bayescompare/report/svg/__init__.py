"""Inline SVG with one grammar for all figures."""
