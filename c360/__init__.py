"""The `c360` command: one module per subcommand in `commands/`."""
