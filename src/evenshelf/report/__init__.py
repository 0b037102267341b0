"""Reports: one HTML file a study or profile, without network or script libraries."""
