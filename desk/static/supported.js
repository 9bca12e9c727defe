// Before anything is drawn: a browser that can, shows the forms as they are with scripts.
document.body.className += " js-enabled" + ("noModule" in HTMLScriptElement.prototype ? " govuk-frontend-supported" : "");
