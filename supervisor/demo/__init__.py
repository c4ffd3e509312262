"""The story of the flavour catalogue, played with kubectl against a running server."""
