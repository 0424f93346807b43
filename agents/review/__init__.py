"""The document-review agent: a plan text is read, checked, and answered with located findings."""
