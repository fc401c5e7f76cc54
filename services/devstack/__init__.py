"""A real Kafka broker and a real MongoDB replica set as local processes, for the demo, the tests and the benchmarks."""
