"""The REST API and the event stream. One file per noun; `routes` is the table of all."""
