"""STIX: `pattern` reads its grammar, `read` its bundles into rows, `write` gives sightings out."""
