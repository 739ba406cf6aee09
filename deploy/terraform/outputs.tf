output "api_url" {
  description = "Where the API answers; make a token first, in a console of the API's container: c360 token create NAME."
  value       = digitalocean_app.this.live_url
}

output "kafka_bootstrap_servers" {
  description = "Where producers publish, from within the network."
  value       = local.settings.KAFKA_BOOTSTRAP_SERVERS
}

output "database_url" {
  description = "Postgres, from within the network."
  value       = local.database_url
  sensitive   = true
}
