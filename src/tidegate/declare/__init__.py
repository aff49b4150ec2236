"""Reads feed.yaml and dataset.yaml, strictly: an unknown or missing key stops the build."""
