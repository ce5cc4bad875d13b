"""The commands, one module each with a click `command`; imported only when called, so that help and lists stay quick."""
