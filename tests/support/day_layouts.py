"""Two layouts of bank day files for tests, as TOML: of separators and of widths, with every key."""

DELIMITED = """
form = "delimited"
separator = "|"
encoding = "gb18030"
line_end = "CRLF"
lists_reversed = true
[header]
columns = [
  { literal = "首" }, { name = "bank" }, { name = "date", format = "YYYY-MM-DD" }, { name = "ignored" },
]
[detail]
columns = [
  { name = "terminal" }, { name = "branch", pad = "blank" }, { name = "sent_at", format = "MMDDhhmmss" },
  { name = "stan" }, { name = "rrn" }, { name = "code" }, { name = "policy" }, { name = "due" },
  { name = "amount", unit = "yuan", sign = "leading", plus = "+", minus = "reversed", pad = "zero" },
  { name = "receipt" }, { name = "state" }, { name = "ignored" }, { name = "ignored" },
]
[trailer]
columns = [
  { name = "count", pad = "blank" }, { name = "collected", unit = "fen" },
  { name = "paid", unit = "fen", sign = "trailing", minus = "payout" },
  { name = "net", unit = "fen", sign = "leading", plus = " ", minus = "collection" },
]
[codes]
A1 = "500000"
[states]
"完成" = "S"
"""
FIXED = """
form = "fixed"
[header]
columns = [{ literal = "H" }, { literal = "保", width = 5 }, { name = "date", format = "MM.DD" }]
[detail]
columns = [
  { name = "sent_date", format = "YYYY/MM/DD" }, { name = "sent_time", format = "hh:mm:ss" },
  { name = "terminal", width = 8, pad = "none" }, { name = "stan" }, { name = "code", width = 6 },
  { name = "amount", width = 12, unit = "fen" }, { name = "state", width = 1 },
  { name = "ignored", width = 255 },
]
[trailer]
columns = [{ name = "count", width = 1 }, { name = "paid", width = 16, unit = "yuan", pad = "blank" }]
"""
