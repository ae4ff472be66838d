"""What a report says, as data: blocks, marked-up sentences, formulas in TeX. Nothing here knows how it is set."""
