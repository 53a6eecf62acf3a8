"""When a call may start: `headers` reads the API's headers, `limiter` decides, `status` describes it. No I/O."""
