"""The user's arguments, checked and made ready."""
