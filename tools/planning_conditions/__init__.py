"""Planning conditions of a parcel: planned use, lines, neighbours, services, slope, control figures."""
