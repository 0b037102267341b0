"""The recipe that articles teach for imbalanced titles, and what each of its steps is worth once it is made sound."""
