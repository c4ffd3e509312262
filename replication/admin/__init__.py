"""The admin's pages about replication: the dashboard, CachedResources, and who consumes them."""
