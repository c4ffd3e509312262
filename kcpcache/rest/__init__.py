"""What the REST views of all apps share: who may ask, filters, pages, errors, and the OpenAPI document."""
