"""Sources into tables: map columns, type values, apply rules, account for every row."""
