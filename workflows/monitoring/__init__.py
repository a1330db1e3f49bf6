"""What people who already look at Prometheus and Grafana need to see releases there; nothing of it runs by itself."""
