# Kafka and Postgres have no public door: the containers reach them through this network, and nobody else.
resource "digitalocean_vpc" "this" {
  name   = var.name
  region = var.region
}

resource "digitalocean_database_firewall" "kafka" {
  cluster_id = digitalocean_database_cluster.kafka.id

  rule {
    type  = "app"
    value = digitalocean_app.this.id
  }
}

resource "digitalocean_database_firewall" "postgres" {
  cluster_id = digitalocean_database_cluster.postgres.id

  rule {
    type  = "app"
    value = digitalocean_app.this.id
  }
}
