// The API's documentation. Calls that are tried out there act for the person who is logged in.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const place = document.getElementById("swagger");
  document.documentElement.classList.toggle("dark-mode", matchMedia("(prefers-color-scheme: dark)").matches);
  SwaggerUIBundle({
    url: place.dataset.schema,
    domNode: place,
    deepLinking: false, // its links would stand inside of buttons
    docExpansion: "list",
    defaultModelsExpandDepth: -1,
    tryItOutEnabled: false,
    syntaxHighlight: false,
    validatorUrl: null,
    requestInterceptor: (request) => {
      const isOurs = new URL(request.url, location.href).origin === location.origin;
      if (isOurs && !request.headers.Authorization) request.headers["X-CSRFToken"] = place.dataset.csrf;
      return request;
    },
  });
});
