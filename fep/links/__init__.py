"""The banks' side: sockets, sessions, messages to requests and answers to messages. No rule of money."""
