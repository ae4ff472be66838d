"""The commands, a module each; its `command` has the options and their help."""
