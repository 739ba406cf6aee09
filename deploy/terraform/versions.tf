terraform {
  required_version = ">= 1.9"

  required_providers {
    digitalocean = {
      source  = "digitalocean/digitalocean"
      version = "~> 2.50"
    }
  }
}

# The token is DIGITALOCEAN_TOKEN in the environment, so that it is in no file and in no state.
provider "digitalocean" {}
