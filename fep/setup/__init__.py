"""Makes a new installation: settings, keys, certificates, a sample book."""
