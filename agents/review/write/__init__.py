"""What a review hands over: the marked document, the opinion form, the page, the data."""
