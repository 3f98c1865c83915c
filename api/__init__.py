"""The door for shops and operators: HTTP."""
