"""What is posted and why: the chart, postings, breaks and how people end them."""
