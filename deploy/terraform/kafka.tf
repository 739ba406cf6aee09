resource "digitalocean_database_cluster" "kafka" {
  name                 = "${var.name}-kafka"
  engine               = "kafka"
  version              = "3.8"
  size                 = var.kafka_size
  region               = var.region
  node_count           = 3
  private_network_uuid = digitalocean_vpc.this.id
}

data "digitalocean_database_ca" "kafka" {
  cluster_id = digitalocean_database_cluster.kafka.id
}

# As in events/topics.py: customer-keyed topics share their number of partitions, and nothing deletes their events.
locals {
  topics = {
    product_discussions = { cleanup_policy = "delete" }
    channels            = { cleanup_policy = "compact" }
    products            = { cleanup_policy = "compact" }
    customers           = { cleanup_policy = "delete" }
    interactions        = { cleanup_policy = "delete" }
    transactions        = { cleanup_policy = "delete" }
    rejected_events     = { cleanup_policy = "delete" }
  }
}

resource "digitalocean_database_kafka_topic" "this" {
  for_each = local.topics

  cluster_id         = digitalocean_database_cluster.kafka.id
  name               = each.key
  partition_count    = var.partitions
  replication_factor = 3

  config {
    cleanup_policy      = each.value.cleanup_policy
    min_insync_replicas = 2
    retention_ms        = "-1"
  }
}
