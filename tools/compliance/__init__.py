"""Which control lines and land-use codes a project meets, by how much, and what follows."""
