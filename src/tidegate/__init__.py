"""Tidegate: ingest, detonate, gate, map."""
