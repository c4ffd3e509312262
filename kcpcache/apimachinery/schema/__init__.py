"""Structural OpenAPI v3 schemas of CRDs and APIResourceSchemas: checking, validating, pruning, defaulting."""
