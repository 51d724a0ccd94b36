// Looks for the page that embeds it.
exports.attack = async () => {
  for (const name of ['parent', 'top', 'frames', 'opener', 'document', 'window', 'conclaveDiagnostics'])
    if (globalThis[name] !== undefined) return name;
  return undefined;
};
