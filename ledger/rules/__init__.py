"""The rules of money, pure: a request and what the book holds, in; a decision, out. No file, no database."""
