"""What no subject of the API owns: parameters, request ids, the OpenAPI document."""
