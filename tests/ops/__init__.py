"""What operators see, held against what the gateway does: metrics, rules, dashboards, pictures."""
