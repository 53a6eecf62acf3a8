"""When a call may start: `headers` reads what the API reports, `limiter` decides, `status` shows the result. Pure."""
