"""One way to paper and screen: a document becomes Markdown, and from it the PDF, the page and report.tex are made."""
