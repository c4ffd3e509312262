"""The rules of `rbac.authorization.k8s.io/v1`, without a store: who a binding names, what a rule allows."""
