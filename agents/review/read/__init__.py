"""Files of a submission become paragraphs and tables that know where they stand."""
