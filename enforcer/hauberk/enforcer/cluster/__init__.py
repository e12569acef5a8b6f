"""The API server: what is watched there, and what is written back."""
