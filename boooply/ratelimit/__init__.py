"""When a call may start: rate-limit headers, the limiter that decides, and its status. No I/O and no clock."""
