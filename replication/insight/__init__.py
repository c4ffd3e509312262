"""What the people who run it want to know: read models for admin, REST, metrics and commands; no HTTP, few queries."""
