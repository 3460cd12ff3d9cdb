"""What a run would do, what it would find done already, and what it needs."""
