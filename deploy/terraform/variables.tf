variable "name" {
  description = "What everything is named after."
  type        = string
  default     = "live-customer-360"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,24}$", var.name))
    error_message = "3 to 25 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "region" {
  description = "Region of the databases and the network."
  type        = string
  default     = "fra1"
}

variable "app_region" {
  description = "Region of the containers: the one that `region` is in."
  type        = string
  default     = "fra"
}

variable "image_registry" {
  description = "Owner of the container image on ghcr.io, such as your organisation."
  type        = string
}

variable "image_tag" {
  description = "Version of the container image."
  type        = string

  validation {
    condition     = var.image_tag != "latest"
    error_message = "Name a version: `latest` changes under you."
  }
}

variable "kafka_size" {
  description = "Size of each of the three brokers."
  type        = string
  default     = "db-s-2vcpu-2gb"
}

variable "postgres_size" {
  description = "Size of the Postgres servers."
  type        = string
  default     = "db-s-2vcpu-4gb"
}

variable "postgres_nodes" {
  description = "1, or 2 for one that takes over when the other fails."
  type        = number
  default     = 2

  validation {
    condition     = contains([1, 2, 3], var.postgres_nodes)
    error_message = "1, 2 or 3."
  }
}

variable "partitions" {
  description = "Partitions of each topic: the most processors that can share the work. It can't be changed later."
  type        = number
  default     = 8

  validation {
    condition     = var.partitions >= 3 && var.partitions <= 100
    error_message = "3 to 100."
  }
}

variable "processors" {
  description = "Processors that share the partitions."
  type        = number
  default     = 2
}

variable "container_size" {
  description = "Size of each container."
  type        = string
  default     = "apps-d-1vcpu-2gb"
}

variable "sharing_key" {
  description = "Secret of the pseudonyms that partners see (docs/sharing.md); empty: nothing is shared."
  type        = string
  default     = ""
  sensitive   = true

  validation {
    condition     = var.sharing_key == "" || length(var.sharing_key) >= 32
    error_message = "At least 32 characters, such as `openssl rand -hex 32` gives."
  }
}
