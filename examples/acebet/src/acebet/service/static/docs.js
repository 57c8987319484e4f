// The API's documentation, where one may try it.
window.SwaggerUIBundle({ url: "openapi.json", dom_id: "#docs" });
