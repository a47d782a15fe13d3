"""The other side: banks to test against, to try the front-end machine with, and to show it to people."""
