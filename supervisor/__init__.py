"""What turns the apps into running processes: data directory, certificates, children, readiness."""
