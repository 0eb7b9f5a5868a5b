"""What the benchmarks of fairness and endurance share: companies that exist in Delivery alone, their mail, and figures of it."""
