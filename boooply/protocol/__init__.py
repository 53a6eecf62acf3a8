"""What is said over the wire, and what is made of the answer: no I/O, no clock, no randomness."""
