"""What a document says of itself: title, number, organ, dates, kind, secrecy."""
