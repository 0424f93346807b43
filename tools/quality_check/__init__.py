"""Quality check of a plan database (成果质检): rule packs as data, checks over streamed features."""
