"""The HTTP adapter: Quart routes in front of `Plexdata`. No business rule lives here."""
