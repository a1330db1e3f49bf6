"""What Rainbow knows about an app and its releases, as plain frozen data."""
