"""What operators see: the catalogue of metrics, and the dashboards and rules that rest on it."""
