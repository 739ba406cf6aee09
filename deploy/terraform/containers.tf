locals {
  database_url = format(
    "postgresql://%s:%s@%s:%d/%s?sslmode=require",
    digitalocean_database_cluster.postgres.user,
    urlencode(digitalocean_database_cluster.postgres.password),
    digitalocean_database_cluster.postgres.private_host,
    digitalocean_database_cluster.postgres.port,
    digitalocean_database_db.c360.name,
  )

  settings = {
    KAFKA_BOOTSTRAP_SERVERS  = "${digitalocean_database_cluster.kafka.private_host}:${digitalocean_database_cluster.kafka.port}"
    KAFKA_SECURITY_PROTOCOL  = "SASL_SSL"
    KAFKA_SASL_MECHANISM     = "SCRAM-SHA-256"
    KAFKA_SASL_USERNAME      = digitalocean_database_cluster.kafka.user
    KAFKA_SSL_CAFILE         = "/tmp/kafka-ca.pem"
    KAFKA_PARTITIONS         = tostring(var.partitions)
    KAFKA_REPLICATION_FACTOR = "3"
    LOG_FORMAT               = "json"
  }

  secrets = merge(
    {
      DATABASE_URL        = local.database_url
      KAFKA_SASL_PASSWORD = digitalocean_database_cluster.kafka.password
      KAFKA_CA            = data.digitalocean_database_ca.kafka.certificate
    },
    var.sharing_key == "" ? {} : { C360_SHARING_KEY = var.sharing_key },
  )

  # Containers here have no files of their own: the authority's certificate comes by the environment.
  with_ca = "printf '%s' \"$KAFKA_CA\" > /tmp/kafka-ca.pem && exec c360"
}

resource "digitalocean_app" "this" {
  spec {
    name   = var.name
    region = var.app_region

    dynamic "env" {
      for_each = local.settings
      content {
        key   = env.key
        value = env.value
        scope = "RUN_TIME"
        type  = "GENERAL"
      }
    }

    dynamic "env" {
      for_each = nonsensitive(toset(keys(local.secrets)))
      content {
        key   = env.key
        value = local.secrets[env.key]
        scope = "RUN_TIME"
        type  = "SECRET"
      }
    }

    # Before anything new starts, the schema is brought up to date.
    job {
      name               = "migrate"
      kind               = "PRE_DEPLOY"
      instance_count     = 1
      instance_size_slug = var.container_size
      run_command        = "c360 migrate"

      image {
        registry_type = "GHCR"
        registry      = var.image_registry
        repository    = "live-customer-360"
        tag           = var.image_tag
      }
    }

    worker {
      name               = "processor"
      instance_count     = var.processors
      instance_size_slug = var.container_size
      run_command        = "sh -c '${replace(local.with_ca, "'", "'\\''")} processor'"

      image {
        registry_type = "GHCR"
        registry      = var.image_registry
        repository    = "live-customer-360"
        tag           = var.image_tag
      }
    }

    service {
      name               = "api"
      instance_count     = 2
      instance_size_slug = var.container_size
      http_port          = 8000
      run_command        = "sh -c '${replace(local.with_ca, "'", "'\\''")} api'"

      env {
        key   = "C360_API_HOST"
        value = "0.0.0.0"
        scope = "RUN_TIME"
      }

      health_check {
        http_path             = "/ready"
        initial_delay_seconds = 10
        period_seconds        = 10
      }

      image {
        registry_type = "GHCR"
        registry      = var.image_registry
        repository    = "live-customer-360"
        tag           = var.image_tag
      }
    }

    ingress {
      rule {
        component {
          name                 = "api"
          preserve_path_prefix = true
        }
        match {
          path {
            prefix = "/"
          }
        }
      }
    }
  }
}
