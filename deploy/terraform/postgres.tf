resource "digitalocean_database_cluster" "postgres" {
  name                 = "${var.name}-postgres"
  engine               = "pg"
  version              = "17"
  size                 = var.postgres_size
  region               = var.region
  node_count           = var.postgres_nodes
  private_network_uuid = digitalocean_vpc.this.id
}

resource "digitalocean_database_db" "c360" {
  cluster_id = digitalocean_database_cluster.postgres.id
  name       = "c360"
}
