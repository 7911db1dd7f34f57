"""What runs inside a worker process: wraps the SDK and the Kafka client from outside."""
