"""What a site needs beyond the program: the Debian package and its parts, units, rules for monitoring.

The modules: `package` makes the package, `manual` its page of the manual out of the commands,
`settings_sample` its sample settings out of the models; `dashboard` makes the dashboard.
"""
