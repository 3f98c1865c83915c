"""What is said: messages, their languages, and the links in them."""
